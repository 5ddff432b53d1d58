"""Divides rows into train, validation and test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import is_missing, text_of
from housing.data.description import Dataset
from housing.data.faults import listed
from housing.data.moments import Date
from housing.data.ordering import Rows, cut_between_moments, shuffled, strata_of, times_of, whole_groups
from housing.data.source_spec import PART
from housing.data.split_spec import ByColumn, Fractions, Split
from housing.data.table import Table
from housing.errors import DataError


@dataclass(frozen=True, eq=False)
class Parts:
    """Row numbers from 0, ascending; every row is in one part, but for a gap in time and rows beyond an outer split."""

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
    """Rows claimed by the column first, then the rest at random or in the order of time.

    Where the label has levels, it is stratified by them, unless the split says otherwise. Raises DataError when train
    or validation is empty.
    """
    rule = dataset.split
    claimed = _claimed(table, dataset)
    is_claimed = np.zeros(table.rows, bool)
    is_claimed[np.concatenate(list(claimed.values()))] = True
    unclaimed = np.flatnonzero(~is_claimed)
    if rule.by_time is not None:
        shares = dict(zip(claimed, _by_time(table, dataset, unclaimed), strict=True))
    elif rule.fractions is None:
        if len(unclaimed):
            raise DataError(_nobody_claims(table, rule, unclaimed))
        shares = dict.fromkeys(claimed, unclaimed)
    else:
        shares = dict(zip(claimed, _by_fractions(table, dataset, unclaimed, rule.fractions), strict=True))
    parts = {part: np.sort(np.concatenate([claimed[part], shares[part]])) for part in claimed}
    for part in ("train", "validation"):
        if not len(parts[part]):
            raise DataError(_empty(table, dataset, part))
    _refuse_torn(table, dataset, parts)
    return Parts(**parts)


def _by_fractions(table: Table, dataset: Dataset, rows: Rows, fractions: Fractions) -> list[Rows]:
    order = shuffled(table, dataset, rows, seed=dataset.split.seed)
    by_rows = dataset.split.by_group is not None
    divided = [
        _divided(some, fractions, whole_groups(table, dataset, some), by_rows=by_rows)
        for some in strata_of(table, dataset, order)
    ]
    return [np.concatenate(some) for some in zip(*divided, strict=True)]


def _divided(rows: Rows, fractions: Fractions, groups: NDArray[np.int64] | None, *, by_rows: bool) -> list[Rows]:
    """Ordered rows, divided into train, validation and test; no group, numbered from 0, is divided.

    Fractions are of the number of groups, or with `by_rows` of the rows in them.
    """
    if groups is None:
        return np.split(rows, _ends(fractions, len(rows)))
    sizes = np.bincount(groups)
    ends = _ends_by_rows(fractions, sizes) if by_rows else _ends(fractions, len(sizes))
    return np.split(rows, np.searchsorted(groups, ends))


def _by_time(table: Table, dataset: Dataset, rows: Rows) -> list[Rows]:
    """Train, validation and test, without the rows that lie in the gap before validation or test."""
    by_time, fractions = dataset.split.by_time, dataset.split.fractions
    assert by_time is not None
    times, gap = times_of(table, dataset, rows)
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    if fractions is None:
        column = dataset.columns[by_time.column]
        declared = by_time.begins(getattr(column, "format", None), is_date=isinstance(column, Date))
        ends = [len(rows) if begin is None else int(np.searchsorted(ordered, begin)) for begin in declared]
    else:
        declared = (None, None)
        ends = cut_between_moments(ordered, list(_ends(fractions, len(rows))))
        if not fractions.test:
            ends[1] = len(rows)
    parts = np.split(order, ends)
    for before, (begin, end) in enumerate(zip(declared, ends, strict=True)):
        if gap and end < len(rows):
            latest = (ordered[end] if begin is None else begin) - gap
            parts[: before + 1] = [part[times[part] <= latest] for part in parts[: before + 1]]
    return [rows[part] for part in parts]


def _empty(table: Table, dataset: Dataset, part: str) -> str:
    """The message for a split that leaves a part without rows."""
    rule, why = dataset.split, ""
    if rule.by_time is not None:
        values = sorted(set(table[rule.by_time.column].tolist()))
        why = f": {rule.by_time.column} has {listed(values[:1])} to {listed(values[-1:])}"
    if rule.by_group is not None:
        groups = len(set(table[rule.by_group].tolist()))
        why = f": {rule.by_group} has {groups:,} different value{'' if groups == 1 else 's'}, none of which is divided"
    keys = "fractions, by_time" if rule.by_time else "fractions, by_group" if rule.by_group else "fractions, by_column"
    return (
        f"{table.source}: the split leaves no rows for {part}, of {table.rows:,}{why}; "
        f"mend the dataset's split ({keys})"
    )


def _refuse_torn(table: Table, dataset: Dataset, parts: dict[str, Rows]) -> None:
    group = dataset.split.by_group or dataset.group
    if group is None:
        return
    names = {part: set(table[group][rows].tolist()) for part, rows in parts.items()}
    if torn := (names["train"] & names["validation"]) | (names["train"] | names["validation"]) & names["test"]:
        raise DataError(
            f"{table.source}: split.by_column divides {len(torn):,} groups between parts, such as {group} "
            f"{listed(sorted(map(text_of, torn)), 3)}; claim whole groups"
        )


def _ends(fractions: Fractions, rows: int) -> tuple[int, int]:
    """The positions at which train and validation end."""
    first = round(fractions.train * rows)
    second = first + round(fractions.validation * rows)
    return first, second if fractions.test else rows


def _ends_by_rows(fractions: Fractions, sizes: NDArray[np.int64]) -> tuple[int, int]:
    """The groups at which train and validation end, for these sizes: as near to the fractions of rows as possible.

    A part whose fraction is not 0 gets at least one group, where there are enough.
    """
    groups, ends = len(sizes), np.concatenate([[0], np.cumsum(sizes)])
    least = [int(share > 0) for share in (fractions.train, fractions.validation, fractions.test)]

    def nearest_end(share: float, low: int, high: int) -> int:
        low = min(low, groups)
        return int(np.argmin(np.abs(ends[low : max(low, high) + 1] - share * ends[-1]))) + low

    first = nearest_end(fractions.train, least[0], groups - least[1] - least[2])
    if not fractions.test:
        return first, groups
    return first, nearest_end(fractions.train + fractions.validation, first + least[1], groups - least[2])


def _claimed(table: Table, dataset: Dataset) -> dict[str, NDArray[np.int64]]:
    by = dataset.split.by_column
    if dataset.parts is not None:
        # Without its own files, validation is taken out of train by the split's rule.
        is_whole = dataset.parts.validation is not None
        by = ByColumn(PART, train=("train",) if is_whole else (), validation=("validation",), test=("test",))
    if by is None:
        return {part: np.empty(0, np.int64) for part in ("train", "validation", "test")}
    distinct, places = _distinct(table[by.column])
    texts = _as_text(distinct)
    claims = {"train": by.train, "validation": by.validation, "test": by.test}
    claimed = {part: np.array([text in wanted for text in texts], bool) for part, wanted in claims.items()}
    return {part: np.flatnonzero(there[places]) for part, there in claimed.items()}


def _distinct(values: NDArray[np.generic]) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """The different values, and each row's index among them."""
    if values.dtype != object:
        found, places = np.unique(values, return_inverse=True)
        return found, places.astype(np.int64)
    import pyarrow as pa

    encoded = pa.array(values, pa.string()).dictionary_encode(null_encoding="encode")
    return np.array(encoded.dictionary.to_pylist(), object), encoded.indices.to_numpy().astype(np.int64)


def _nobody_claims(table: Table, rule: Split, rows: NDArray[np.int64]) -> str:
    assert rule.by_column is not None  # Split refuses to have neither
    column = rule.by_column.column
    values = listed(sorted(set(_as_text(table[column][rows])), key=str))
    return (
        f"{table.source}: split.by_column: {len(rows):,} rows are in no part; {column} has {values}; "
        "list these values, or give fractions for the rest"
    )


def _as_text(values: NDArray[np.generic]) -> list[str | None]:
    return [None if is_missing(value) else text_of(value) for value in values.tolist()]
