"""The parts of a table as declared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from housing.data.faults import listed, repeated
from housing.data.moments import seconds_of
from housing.nearest import nearest

_TWO_FOLDS = 2
_LEVELLED = ("nominal", "ordinal", "boolean", "identifier")


@dataclass(frozen=True)
class Fractions:
    """Shares of the rows that `split.by_column` does not claim; they sum to 1."""

    train: float
    validation: float
    test: float = 0.0

    def __post_init__(self) -> None:
        for key in ("train", "validation", "test"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} must lie in [0, 1], got {getattr(self, key)}")
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1, abs_tol=1e-9):
            raise ValueError(f"train + validation + test must sum to 1, got {total:g}")


@dataclass(frozen=True)
class ByColumn:
    """Rows claimed by the value of one column, as text; `null` in a list stands for a missing value."""

    column: str
    train: tuple[str | None, ...] = ()
    validation: tuple[str | None, ...] = ()
    test: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        values = (*self.train, *self.validation, *self.test)
        if not values:
            raise ValueError("at least one of train, validation and test must list a value")
        if twice := repeated(values):
            raise ValueError(f"a value belongs to one part, once; listed again: {listed(twice)}")


@dataclass(frozen=True)
class ByTime:
    """Rows in the order of a column, a date or a number: training first, then validation, then test.

    Validation begins at `validation_from`, test at `test_from`; without them, parts are the split's `fractions`. Rows
    of one moment stay together. Rows less than `gap` before a part that is judged are left out of the part before it:
    days for a date, the column's own unit for a number.
    """

    column: str
    validation_from: str | float | None = None
    test_from: str | float | None = None
    gap: float = 0.0

    def __post_init__(self) -> None:
        if self.test_from is not None and self.validation_from is None:
            raise ValueError("validation_from is needed beside test_from: where the rows to choose by begin")
        if not 0 <= self.gap < math.inf:
            raise ValueError(f"gap must be 0 or more, got {self.gap:g}")

    def begins(self, pattern: str | None, *, is_date: bool) -> tuple[float | None, float | None]:
        """The starts of validation and test, in the unit of the column's times. Raises ValueError with the key."""
        found = [self._begin(key, pattern, is_date=is_date) for key in ("validation_from", "test_from")]
        if None not in found and found[0] > found[1]:  # type: ignore[operator]
            raise ValueError(f"test_from: must not lie before validation_from, {self.validation_from}")
        return found[0], found[1]

    def _begin(self, key: str, pattern: str | None, *, is_date: bool) -> float | None:
        value = getattr(self, key)
        if value is None:
            return None
        if is_date:
            try:
                return seconds_of(str(value), pattern)
            except ValueError:
                wanted = f"as the column has them ({pattern})" if pattern else "such as 2024-01-31"
                raise ValueError(f"{key}: must be a date, {wanted}, got {value!r}") from None
        if not isinstance(value, str):
            return float(value)
        raise ValueError(f"{key}: must be a number, as {self.column!r} is, got {value!r}")


@dataclass(frozen=True)
class Outer:
    """One of `folds` outer parts, by its number from 0, that is held out as the test part, as `housing benchmark` does.

    `seed` deals the rows into them.
    """

    folds: int
    fold: int
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.fold < self.folds or self.folds < _TWO_FOLDS:
            raise ValueError(f"fold must lie in [0, folds), of 2 folds or more; got {self.fold} of {self.folds}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must lie in [0, 2**32), got {self.seed}")


@dataclass(frozen=True)
class Split:
    """Parts of a table: rows claimed `by_column` first, the rest at random by `fractions`, or in order `by_time`.

    `by_group` names a column whose rows of one value are never divided. With `stratify` every level of the label, or
    of the column that it names, has its share of each part; levels of the label have it where nothing is said. `key`
    names a column of names of rows: each is in the same part whatever the order of the file. With `outer`, one fold of
    all rows that are not claimed for test is the test part, and the others are for training and validation.
    """

    fractions: Fractions | None = None
    by_column: ByColumn | None = None
    by_time: ByTime | None = None
    by_group: str | None = None
    seed: int = 0
    stratify: bool | str | None = None
    key: str | None = None
    outer: Outer | None = None

    def __post_init__(self) -> None:
        if self._has_dates and self.fractions is not None:
            raise ValueError("by_time: give validation_from and test_from, or fractions, not both")
        if self.fractions is None and self.by_group is not None:
            raise ValueError("by_group: needs fractions")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must lie in [0, 2**32), got {self.seed}")
        if fault := self._fault_of_two():
            raise ValueError(fault)

    @property
    def divides(self) -> bool:
        """Whether it declares how rows are divided."""
        return self.fractions is not None or self.by_column is not None or self._has_dates

    @property
    def _has_dates(self) -> bool:
        return self.by_time is not None and self.by_time.validation_from is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that decide a row's part."""
        by_column, by_time = self.by_column, self.by_time
        stratified = self.stratify if isinstance(self.stratify, str) else None
        named = (by_column and by_column.column, by_time and by_time.column, self.by_group, stratified, self.key)
        return tuple(dict.fromkeys(name for name in named if name))

    def _fault_of_two(self) -> str | None:
        if self.by_time is not None and self.by_group is not None:
            return "by_group: and by_time would each divide the rows; choose one"
        for key in ("by_time", "by_group"):
            if getattr(self, key) is not None and self.stratify:
                return f"stratify: rows are divided {key}, and levels cannot be divided evenly besides"
            if getattr(self, key) is not None and self.key is not None:
                return f"key: rows are divided {key}, which does not depend on the order of the file"
        return None


def split_faults(split: Split, columns: Mapping[str, Any]) -> Iterator[str]:
    """Faults of a split of a table with these columns, each beginning with its key."""
    by_column, by_time = split.by_column, split.by_time
    named = {
        "by_column.column": by_column and by_column.column,
        "by_time.column": by_time and by_time.column,
        "by_group": split.by_group,
        "stratify": split.stratify if isinstance(split.stratify, str) else None,
        "key": split.key,
    }
    for key, name in named.items():
        if name and name not in columns:
            near = nearest(name, columns)
            yield f"split.{key}: there is no column {name!r}" + (f"; did you mean {near!r}?" if near else "")
    if by_time is not None and by_time.column in columns:
        yield from _time_faults(by_time, columns[by_time.column])
    there = {key: (name, columns[name]) for key, name in named.items() if name and name in columns}
    for key in ("by_group", "key"):
        if key in there:
            yield from (f"split.{key}: columns.{there[key][0]} {why}" for why in _name_faults(key, there[key][1]))
    if "stratify" in there and (kind := there["stratify"][1].kind) not in _LEVELLED:
        yield f"split.stratify: columns.{there['stratify'][0]} is {kind} and has no levels to divide evenly"


def _name_faults(key: str, column: Any) -> Iterator[str]:
    """Why a column cannot identify groups, or rows."""
    if column.kind == "numeric":
        yield "is numeric; describe it as kind: identifier (unique: false), or nominal"
    elif getattr(column, "missing", "refused") != "refused":
        yield "must have missing: refused"
    elif key == "by_group" and getattr(column, "unique", False):
        yield "is different in every row; say unique: false"
    elif key == "key" and not getattr(column, "unique", False):
        yield "must name each row: kind: identifier"


def _time_faults(by_time: ByTime, column: Any) -> Iterator[str]:
    if column.kind not in ("date", "numeric"):
        yield (
            f"split.by_time.column: columns.{by_time.column} is {column.kind}; it must be a date or a number: "
            "kind: date, with a format where it is not as 2024-01-31"
        )
        return
    if column.missing != "refused":
        yield f"split.by_time.column: columns.{by_time.column} must have missing: refused, every row needs a time"
    try:
        by_time.begins(getattr(column, "format", None), is_date=column.kind == "date")
    except ValueError as error:
        yield f"split.by_time.{error}"
