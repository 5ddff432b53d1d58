"""The split for one outer part of a benchmark: it is the test part, and all fitting and choosing uses other rows."""

from __future__ import annotations

from itertools import islice

import numpy as np

from housing.data.description import Dataset
from housing.data.ordering import Rows, folds
from housing.data.split import Parts, split
from housing.data.table import Table
from housing.errors import DataError


def outer_split(table: Table, dataset: Dataset) -> Parts:
    """The parts of a dataset whose split has an `outer` one.

    Rows that the dataset's own split claims for test, by a column or a file, are in no part: they are a second test set
    for every outer part. All others are divided into the outer parts as a study's folds are (stratified, groups kept
    together, forward in time), and the rows outside of the chosen one into train and validation, in their proportion.
    Raises DataError.
    """
    rule, outer = dataset.split, dataset.split.outer
    assert outer is not None
    own = split(table, dataset)
    given = dataset.parts
    if given is not None:
        claims_test, claims_validation = given.test is not None, given.validation is not None
    else:
        claims_test = rule.by_column is not None and bool(rule.by_column.test)
        claims_validation = rule.fractions is None
    pool = np.setdiff1d(np.arange(table.rows), own.test) if claims_test else np.arange(table.rows)
    rest, held = _fold(table, dataset, pool, outer.folds, outer.fold, seed=outer.seed)
    if claims_validation or rule.fractions is None:  # rows claimed for validation stay there
        return _checked(table, np.intersect1d(own.train, rest), np.intersect1d(own.validation, rest), held)
    share = rule.fractions.validation / (rule.fractions.train + rule.fractions.validation)
    if not share:
        return _checked(table, rest, np.empty(0, np.int64), held)
    count = max(2, round(1 / share))  # so that one fold is about validation's share
    train, validation = _fold(table, dataset, rest, count, count - 1, seed=rule.seed)
    return _checked(table, train, validation, held)


def beyond(table: Table, parts: Parts) -> Rows:
    """The rows that are in no part."""
    return np.setdiff1d(np.arange(table.rows), np.concatenate([parts.train, parts.validation, parts.test]))


def _fold(table: Table, dataset: Dataset, rows: Rows, count: int, fold: int, *, seed: int) -> tuple[Rows, Rows]:
    try:
        return next(islice(folds(table, dataset, rows, count, seed=seed), fold, None))
    except ValueError as error:
        raise DataError(f"{table.source}: split.outer: {error}") from error


def _checked(table: Table, train: Rows, validation: Rows, test: Rows) -> Parts:
    for name, rows in (("train", train), ("validation", validation), ("the outer part", test)):
        if not len(rows):
            raise DataError(f"{table.source}: split.outer leaves no rows for {name}; choose fewer folds")
    return Parts(train=train, validation=validation, test=test)
