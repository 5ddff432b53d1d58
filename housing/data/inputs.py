"""Encodes one raw column as a number, as a rank, natively, or one-hot."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import has_too_many_digits, is_missing, number
from housing.data.description import Missing
from housing.data.faults import Faults, shown
from housing.data.number_format import PLAIN, NumberFormat


@dataclass(frozen=True)
class Number:
    """A number, unchanged. Missing is NaN, or 0 where missing means `none`."""

    column: str
    missing: Missing
    form: NumberFormat = PLAIN
    way: Literal["number"] = "number"

    def names(self) -> list[str]:
        return [self.column]

    def read(self, values: Any, missing_texts: frozenset[str], faults: Faults) -> NDArray[np.float64]:
        """(rows,) of numbers; adds cells that are not numbers, or must not be missing, to `faults`."""
        if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
            numbers = values.astype(np.float64)
            for row in _lossy(values, numbers):
                faults.add(*_too_many_digits(self.column), example=f"{values[row]} (row {row + 1})")
        else:
            numbers = np.array(
                [self._number(v, row, missing_texts, faults) for row, v in enumerate(plain_values(values), 1)]
            )
        numbers += 0.0  # -0 and 0 are one number, also as text
        if not np.isfinite(numbers).all():
            self._replace_missing(numbers, faults)
        return numbers

    def _number(self, value: Any, row: int, missing_texts: frozenset[str], faults: Faults) -> float:
        if is_missing(value, missing_texts):
            return math.nan
        try:
            # To Python, True is 1; a client that sends true does not mean a number.
            found = (
                math.inf
                if isinstance(value, bool)
                else self.form.number(value)
                if isinstance(value, str)
                else float(value)
            )
        except (ValueError, TypeError, OverflowError):
            found = math.inf
        if isinstance(value, str | int) and has_too_many_digits(value):
            faults.add(*_too_many_digits(self.column), example=f"{shown(value)} (row {row})")
            return 0.0
        if math.isinf(found):
            faults.add(f"{self.column}: not a number", example=f"{shown(value)} (row {row})")
            return 0.0
        return found

    def _replace_missing(self, numbers: NDArray[np.float64], faults: Faults) -> None:
        for row in (np.flatnonzero(np.isinf(numbers)) + 1).tolist():
            faults.add(f"{self.column}: not a number", example=f"{numbers[row - 1]} (row {row})")
        missing = np.isnan(numbers)
        if self.missing == "refused":
            for row in (np.flatnonzero(missing) + 1).tolist():
                faults.add(*refused_missing(self.column), example=f"row {row}")
        elif self.missing == "none":
            numbers[missing] = 0


@dataclass(frozen=True)
class Levels:
    """One of `levels`.

    As a rank: 0 for the lowest; `none` is -1, below all; unknown and unseen are NaN. One-hot: a column a level, and one
    for `none`; unknown and unseen are zeros everywhere. Native, as a code that the library treats as a level: `none` is
    a separate level, unknown and unseen are NaN. `rare`: all other levels, also unseen ones, share one more level.
    """

    column: str
    missing: Missing
    levels: tuple[str, ...]
    way: Literal["rank", "one_hot", "native"]
    rare: bool = False
    _codes: Mapping[object, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_codes", codes_of(self.levels))

    def names(self) -> list[str]:
        if self.way != "one_hot":
            return [self.column]
        names = [f"{self.column}={level}" for level in self.levels]
        names += [f"{self.column}=(none)"] if self.missing == "none" else []
        return [*names, f"{self.column}=(rare)"] if self.rare else names

    def write(
        self,
        values: Any,
        cells: Any,
        *,
        start: int,
        width: int,
        missing_texts: frozenset[str],
        faults: Faults,
    ) -> None:
        """Fill this input's columns, from `start`, in a zeroed matrix of `width` columns given as flat `cells`."""
        # Writing single cells through a memoryview takes a third of the time of numpy, and a row has many.
        known, unseen, places = self._codes, -1, len(self.levels)
        none = places if self.missing == "none" else unseen
        rare = places + (self.missing == "none") if self.rare else unseen
        for row, value in enumerate(plain_values(values)):
            try:
                code = known.get(value, unseen)
            except TypeError:
                faults.add(f"{self.column}: not a level", example=f"{shown(value)} (row {row + 1})")
                continue
            if code == unseen and is_missing(value, missing_texts):
                code = none
                if self.missing == "refused":
                    faults.add(*refused_missing(self.column), example=f"row {row + 1}")
            elif code == unseen:
                code = rare
            if self.way == "native":
                cells[row * width + start] = math.nan if code == unseen else code
            elif self.way == "rank":
                cells[row * width + start] = math.nan if code == unseen else -1.0 if code == none else code
            elif code != unseen:
                cells[row * width + start + code] = 1.0


def learnt_levels(values: Iterable[str | None]) -> tuple[str, ...]:
    """The levels that occur, sorted."""
    return tuple(sorted({value for value in values if value is not None}))


def codes_of(levels: Sequence[str]) -> dict[object, int]:
    """Level -> its code. A level that reads as a number is also found by that number: JSON has 20 for a CSV's "20"."""
    codes: dict[object, int] = {level: code for code, level in enumerate(levels)}
    for code, level in enumerate(levels):
        try:
            codes.setdefault(number(level), code)
        except ValueError:
            if level in ("False", "True"):
                codes.setdefault(level == "True", code)
    return codes


def plain_values(values: Any) -> Iterable[Any]:
    """The values as Python objects, converted from numpy arrays and pandas columns."""
    return cast(Iterable[Any], values.tolist() if hasattr(values, "tolist") else values)


def _lossy(values: NDArray[Any], numbers: NDArray[np.float64]) -> list[int]:
    """Indices of rows whose whole numbers float64 cannot represent."""
    if values.dtype.kind == "f":
        return []
    large = np.flatnonzero(np.abs(numbers) >= 2**53).tolist()
    return [row for row in large if has_too_many_digits(int(values[row]))]


def _too_many_digits(column: str) -> tuple[str]:
    return (f"{column}: whole numbers beyond 2^53 would lose digits",)


def refused_missing(column: str) -> tuple[str]:
    """The fault for a cell that must not be missing."""
    return (f"{column}: missing value, the dataset says missing: refused",)
