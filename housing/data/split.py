"""Which rows are for fitting, for choosing and for the last word."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import is_missing, text_of
from housing.data.description import Dataset
from housing.data.faults import listed
from housing.data.split_spec import Fractions, Split
from housing.data.table import Table
from housing.data.task_columns import groups_of
from housing.errors import DataError


@dataclass(frozen=True, eq=False)
class Parts:
    """Row numbers from 0, ascending; every row of the table is in exactly one part."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def digest(self) -> str:
        """SHA-256 of which row is in which part."""
        found = hashlib.sha256()
        for rows in (self.train, self.validation, self.test):
            found.update(f"{len(rows)}\0".encode())
            found.update(rows.astype("<i8").tobytes())
        return found.hexdigest()


def split(table: Table, dataset: Dataset) -> Parts:
    """Rows claimed by the column first, then the rest at random. Raises DataError when train or validation is empty.

    Where the label has levels, each of them is divided by itself, unless the split says otherwise.
    """
    rule = dataset.split
    claimed = _claimed(table, rule)
    unclaimed = np.setdiff1d(np.arange(table.rows), np.concatenate(list(claimed.values())))
    if rule.fractions is None:
        if len(unclaimed):
            raise DataError(_nobody_claims(table, rule, unclaimed))
        shares = dict.fromkeys(claimed, unclaimed)
    else:
        order = shuffled(table, dataset, unclaimed, seed=rule.seed)
        strata = strata_of(table, dataset, order)
        divided = [_divided(rows, rule.fractions, groups_of(table, dataset, rows)) for rows in strata]
        shares = {part: np.concatenate(some) for part, some in zip(claimed, zip(*divided, strict=True), strict=True)}
    parts = {part: np.sort(np.concatenate([claimed[part], shares[part]])) for part in claimed}
    for part in ("train", "validation"):
        if not len(parts[part]):
            raise DataError(
                f"{table.source}: the split leaves no rows for {part}, of {table.rows}; "
                "mend the dataset's split (fractions, by_column)"
            )
    _refuse_torn(table, dataset, parts)
    return Parts(**parts)


def shuffled(table: Table, dataset: Dataset, rows: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """The rows in random order; those of one group stay together, in their order."""
    # RandomState's stream is frozen by numpy's policy, Generator's is not: a split must be stable for ever.
    generator = np.random.RandomState(seed)
    groups = groups_of(table, dataset, rows)
    if groups is None:
        return rows[generator.permutation(len(rows))]
    place = generator.permutation(groups.max(initial=-1) + 1)[groups]
    return rows[np.argsort(place, kind="stable")]


def strata_of(table: Table, dataset: Dataset, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows by level of the label, each level's in their order; all together where they are not to be told apart."""
    levels = dataset.label_levels
    if not levels or dataset.split.stratify is False:
        return [rows]
    values = table[dataset.label][rows]
    return [rows[values == level] for level in levels]


def _divided(
    rows: NDArray[np.int64], fractions: Fractions, groups: NDArray[np.int64] | None
) -> list[NDArray[np.int64]]:
    """Rows in the order of their groups, numbered from 0, for train, validation and test; no group is divided."""
    if groups is None:
        return np.split(rows, _ends(fractions, len(rows)))
    ends = _ends(fractions, int(groups.max(initial=-1)) + 1)
    return np.split(rows, np.searchsorted(groups, ends))


def _refuse_torn(table: Table, dataset: Dataset, parts: dict[str, NDArray[np.int64]]) -> None:
    if dataset.group is None:
        return
    names = {part: set(table[dataset.group][rows].tolist()) for part, rows in parts.items()}
    if torn := (names["train"] & names["validation"]) | (names["train"] | names["validation"]) & names["test"]:
        raise DataError(
            f"{table.source}: split.by_column divides {len(torn)} groups between parts, such as {dataset.group} "
            f"{listed(sorted(map(text_of, torn)), 3)}; claim whole groups"
        )


def _ends(fractions: Fractions, rows: int) -> tuple[int, int]:
    """Where train and validation end among so many rows."""
    first = round(fractions.train * rows)
    second = first + round(fractions.validation * rows)
    return first, second if fractions.test else rows


def _claimed(table: Table, rule: Split) -> dict[str, NDArray[np.int64]]:
    by = rule.by_column
    if by is None:
        return {part: np.empty(0, np.int64) for part in ("train", "validation", "test")}
    values = _as_text(table[by.column])
    claims = {"train": by.train, "validation": by.validation, "test": by.test}
    return {part: np.flatnonzero([value in wanted for value in values]) for part, wanted in claims.items()}


def _nobody_claims(table: Table, rule: Split, rows: NDArray[np.int64]) -> str:
    assert rule.by_column is not None  # Split refuses to have neither
    column = rule.by_column.column
    values = listed(sorted(set(_as_text(table[column][rows])), key=str))
    return (
        f"{table.source}: split.by_column: {len(rows)} rows are in no part; {column} has {values}; "
        "list these values, or give fractions for the rest"
    )


def _as_text(values: NDArray[np.generic]) -> list[str | None]:
    return [None if is_missing(value) else text_of(value) for value in values.tolist()]
