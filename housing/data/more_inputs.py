"""Encodes dates, booleans and columns of many levels."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import is_missing, text_of
from housing.data.description import Missing
from housing.data.faults import Faults, shown
from housing.data.inputs import codes_of, plain_values, refused_missing
from housing.data.kinds import truth
from housing.data.moments import DAY_S, Part, part_names, seconds_of, taken_apart


@dataclass(frozen=True)
class Moment:
    """A date as its parts. Missing is NaN in all of them, or 0 where missing means `none`."""

    column: str
    missing: Missing
    format: str | None
    parts: tuple[Part, ...]
    way: Literal["date"] = "date"

    def names(self) -> list[str]:
        return [f"{self.column}.{name}" for part in self.parts for name in part_names(part)]

    def days(self, values: Any, missing_texts: frozenset[str], faults: Faults) -> NDArray[np.float64]:
        """(rows,) of days since 1970, NaN for missing."""
        read = partial(seconds_of, pattern=self.format)
        return _numbers(self, values, missing_texts, faults, read, what="a date") / DAY_S

    def block(self, days: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rows, columns) of the parts."""
        if not self.parts:
            return np.empty((len(days), 0))
        # Rounded to milliseconds, which removes the rounding error of the division by a day.
        found = np.column_stack(taken_apart(np.round(days * DAY_S, 3), self.parts))
        return np.where(np.isnan(found), 0, found) if self.missing == "none" else found


@dataclass(frozen=True)
class Flag:
    """True is 1, false is 0. Missing is NaN, or -1 where missing means `none`."""

    column: str
    missing: Missing
    way: Literal["boolean"] = "boolean"

    def names(self) -> list[str]:
        return [self.column]

    def read(self, values: Any, missing_texts: frozenset[str], faults: Faults) -> NDArray[np.float64]:
        """(rows,) of 0 and 1."""
        found = _numbers(self, values, missing_texts, faults, truth, what="true or false")
        return np.where(np.isnan(found), -1.0, found) if self.missing == "none" else found


@dataclass(frozen=True)
class LevelNumbers:
    """Each level as learnt numbers: the mean of the label (`target`), or its number of rows (`count`).

    `of` are the levels of the label that have a mean each, empty where there is a single mean. `values` has a tuple for
    each of `levels`; `absent` is for missing, `otherwise` for every other level.
    """

    column: str
    missing: Missing
    way: Literal["target", "count"]
    of: tuple[str, ...]
    levels: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    otherwise: tuple[float, ...]
    absent: tuple[float, ...]
    _codes: Mapping[object, int] = field(init=False, repr=False, compare=False)
    _matrix: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_codes", codes_of(self.levels))
        object.__setattr__(self, "_matrix", np.array([*self.values, self.otherwise, self.absent], np.float64))

    def names(self) -> list[str]:
        return [f"{self.column}.{self.way}={level}" for level in self.of] or [f"{self.column}.{self.way}"]

    def block(self, values: Any, missing_texts: frozenset[str], faults: Faults) -> NDArray[np.float64]:
        """(rows, columns)."""
        known, otherwise = self._codes, len(self.levels)
        return self._matrix[_codes(self, values, missing_texts, faults, lambda value: known.get(value, otherwise))]


@dataclass(frozen=True)
class Hashed:
    """One-hot over `buckets` hash buckets of the level's text; missing is 0 in all."""

    column: str
    missing: Missing
    buckets: int
    way: Literal["hash"] = "hash"

    def names(self) -> list[str]:
        return [f"{self.column}#{number}" for number in range(self.buckets)]

    def block(self, values: Any, missing_texts: frozenset[str], faults: Faults) -> NDArray[np.float64]:
        """(rows, buckets)."""
        found = _codes(self, values, missing_texts, faults, lambda value: _bucket(text_of(value), self.buckets))
        return np.eye(self.buckets + 1, self.buckets)[np.where(found < 0, self.buckets, found)]


MoreInput = Moment | Flag | LevelNumbers | Hashed


def _bucket(text: str, buckets: int) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass")) % buckets


def _codes(
    one: LevelNumbers | Hashed,
    values: Any,
    missing_texts: frozenset[str],
    faults: Faults,
    code: Callable[[Any], int],
) -> NDArray[np.int64]:
    """(rows,) of codes, -1 for missing."""
    found, known = [], dict[object, int]()
    for row, value in enumerate(plain_values(values), 1):
        try:
            number = known.get(value)
        except TypeError:
            faults.add(f"{one.column}: not a level", example=f"{shown(value)} (row {row})")
            continue
        if number is None:
            number = -1 if is_missing(value, missing_texts) else code(value)
            known[value] = number
        if number < 0 and one.missing == "refused":
            faults.add(*refused_missing(one.column), example=f"row {row}")
        found.append(number)
    return np.array(found, np.int64)


def _numbers(
    one: Moment | Flag,
    values: Any,
    missing_texts: frozenset[str],
    faults: Faults,
    read: Callable[[str], float | None],
    *,
    what: str,
) -> NDArray[np.float64]:
    """(rows,) of `read` applied to each text, NaN for missing."""
    found: list[float] = []
    known: dict[object, float] = {}
    for row, value in enumerate(_hashable(plain_values(values)), 1):
        number = known.get(value)
        if number is None:
            number = known[value] = _number(value, missing_texts, read)
        if math.isinf(number):
            faults.add(f"{one.column}: not {what}", example=f"{shown(value)} (row {row})")
            number = math.nan
        elif math.isnan(number) and one.missing == "refused":
            faults.add(*refused_missing(one.column), example=f"row {row}")
        found.append(number)
    return np.array(found, np.float64)


def _hashable(values: Iterable[Any]) -> Iterable[Any]:
    return (str(value) if isinstance(value, list | dict) else value for value in values)


def _number(value: Any, missing_texts: frozenset[str], read: Callable[[str], float | None]) -> float:
    """The number; infinity for what cannot be read."""
    if is_missing(value, missing_texts):
        return math.nan
    try:
        found = read(text_of(value))
    except (ValueError, OverflowError):
        return math.inf
    return math.inf if found is None else float(found)
