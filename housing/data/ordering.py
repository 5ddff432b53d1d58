"""The order in which rows are divided: random by seed, by the hash of a key, or by time; with strata and groups."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from housing.data.description import Dataset
from housing.data.moments import DAY_S, Date, seconds_of_all
from housing.data.table import Table
from housing.data.task_columns import groups_of

Rows = NDArray[np.int64]
"""Row numbers, from 0."""


def shuffled(table: Table, dataset: Dataset, rows: Rows, *, seed: int) -> Rows:
    """The rows in random order; those of one group stay together, in their order.

    Where the split has a key or a group, rows are ordered by the hash of its value, independently of the file's order.
    """
    rule = dataset.split
    if rule.by_group is not None:
        names = table[rule.by_group][rows]
        distinct = sorted(set(names.tolist()), key=lambda name: _hash(seed, name))
        place = {name: number for number, name in enumerate(distinct)}
        return rows[np.argsort([place[name] for name in names.tolist()], kind="stable")]
    # NumPy guarantees RandomState's stream, but not Generator's; a split must never change.
    generator = np.random.RandomState(seed)
    groups = groups_of(table, dataset, rows)
    if groups is not None:
        return rows[np.argsort(generator.permutation(groups.max(initial=-1) + 1)[groups], kind="stable")]
    if rule.key is not None:
        return rows[np.argsort([_hash(seed, name) for name in table[rule.key][rows].tolist()], kind="stable")]
    return rows[generator.permutation(len(rows))]


def strata_of(table: Table, dataset: Dataset, rows: Rows) -> list[Rows]:
    """The rows of each level of the label, or of another column, in their order; all rows together without strata."""
    rule, levels = dataset.split, dataset.label_levels
    if isinstance(rule.stratify, str) and rule.stratify != dataset.label:
        values = table[rule.stratify][rows]
        distinct = sorted(set(values.tolist()), key=lambda level: (level is not None, level))
        return [rows[values == level] for level in distinct]
    if not levels or rule.stratify is False or rule.by_group is not None:
        return [rows]
    values = table[dataset.label][rows]
    return [rows[values == level] for level in levels]


def whole_groups(table: Table, dataset: Dataset, rows: Rows) -> NDArray[np.int64] | None:
    """Each row's group number, from 0 in order of appearance; None without groups."""
    if dataset.split.by_group is None:
        return groups_of(table, dataset, rows)
    numbers: dict[object, int] = {}
    names = table[dataset.split.by_group][rows].tolist()
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)


def times_of(table: Table, dataset: Dataset, rows: Rows) -> tuple[NDArray[np.float64], float]:
    """(rows,) The times that the split orders by, and its gap in the same unit."""
    by_time = dataset.split.by_time
    assert by_time is not None
    column, values = dataset.columns[by_time.column], table[by_time.column][rows]
    if isinstance(column, Date):
        return seconds_of_all(values.tolist(), column.format), by_time.gap * DAY_S
    return values.astype(np.float64), by_time.gap


def cut_between_moments(times: NDArray[np.float64], places: list[int]) -> list[int]:
    """Positions in ascending times, each moved on to where a later time begins, so that equal times stay together."""
    return [int(np.searchsorted(times, times[min(place, len(times) - 1)])) if place else 0 for place in places]


def folds(table: Table, dataset: Dataset, rows: Rows, count: int, *, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """`count` pairs of rows to fit to and held-out rows, divided by the rules of the table's split.

    In the order of time each fold holds out the rows that follow those it is fitted to, so that the first rows are
    never held out; else every row is held out once. Raises ValueError with the reason where there are too few rows.
    """
    if len(rows) < count:
        raise ValueError(f"{count} folds need as many training rows, there are {len(rows):,}")
    if dataset.split.by_time is not None:
        yield from _chained(table, dataset, rows, count)
        return
    for held in _dealt(table, dataset, shuffled(table, dataset, rows, seed=seed), count):
        yield np.setdiff1d(rows, held), np.sort(held)


def _dealt(table: Table, dataset: Dataset, order: Rows, count: int) -> list[Rows]:
    groups = whole_groups(table, dataset, order)
    if groups is not None:
        if (found := int(groups.max()) + 1) < count:
            raise ValueError(f"{count} folds need as many groups in training, there are {found:,}")
        return [order[np.isin(groups, some)] for some in np.array_split(np.arange(found), count)]
    strata = strata_of(table, dataset, order)
    if len(strata) == 1:
        return list(np.array_split(order, count))
    dealt = np.concatenate(strata)
    return [dealt[place::count] for place in range(count)]


def _chained(table: Table, dataset: Dataset, rows: Rows, count: int) -> Iterator[tuple[Rows, Rows]]:
    times, gap = times_of(table, dataset, rows)
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    places = [round(len(rows) * step / (count + 1)) for step in range(1, count + 1)]
    begins = [*cut_between_moments(ordered, places), len(rows)]
    if begins[0] == 0 or len(set(begins)) < len(begins):
        moments = len(np.unique(times))
        raise ValueError(
            f"{count} folds in the order of time need {count + 1} stretches of time that differ, and training has "
            f"{moments:,} moments; choose fewer folds"
        )
    for begin, end in pairwise(begins):
        fitted = order[:begin][ordered[:begin] <= ordered[begin] - gap] if gap else order[:begin]
        if not len(fitted):
            raise ValueError("split.by_time.gap leaves no rows to fit to in the first fold; choose fewer folds")
        yield np.sort(rows[fitted]), np.sort(rows[order[begin:end]])


def _hash(seed: int, name: object) -> bytes:
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest()
