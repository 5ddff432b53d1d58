"""Cells of one column on their way into a table: read as numbers, levels or names, and held against the description."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from housing.data.description import Column, Dataset, Identifier, Nominal, Numeric, Ordinal
from housing.data.faults import Faults, listed, shown
from housing.data.kinds import Boolean, truth
from housing.data.missing import Place, is_missing, text_of
from housing.data.moments import Date, seconds_of
from housing.data.read_cells import ReadCells, date_in_words
from housing.nearest import nearest

__all__ = ["Cells", "Place", "collector", "has_too_many_digits", "is_missing", "is_number", "number", "text_of"]

_WHOLE = re.compile(r"[-+]?\d{16,400}(\.\d*)?", re.ASCII)
_SAFE_DIGITS = 16
_HIGHEST_EXACT = 2**53


class Cells(Protocol):
    """Takes one column, piece by piece."""

    def add(self, cells: Sequence[object], place: Place) -> None:
        """Take the next cells: text, numbers, or None for missing."""

    def values(self) -> NDArray[np.generic]:
        """All cells, as a table keeps them."""


def collector(name: str, dataset: Dataset, faults: Faults) -> Cells:
    """What takes the column `name`."""
    column = dataset.columns[name]
    missing = _Missing(name, column, dataset, faults)
    if isinstance(column, Numeric):
        return _Numbers(name, column, missing, faults)
    if isinstance(column, Ordinal | Nominal):
        return _Levels(name, column.levels, missing, faults)
    if isinstance(column, Boolean):
        return ReadCells(name, truth, missing, faults, what="true or false")
    if isinstance(column, Date):
        read = partial(seconds_of, pattern=column.format)
        return ReadCells(name, read, missing, faults, what=date_in_words(column.format))
    return _Names(name, missing, faults, unique=isinstance(column, Identifier) and column.unique)


def number(text: str) -> float:
    """The finite number that a cell holds.

    Raises ValueError, also for what only Python takes for a number, and for digits that would be lost.
    """
    value = float(text)
    if "_" in text or not text.isascii() or not np.isfinite(value) or has_too_many_digits(text):
        raise ValueError(text)
    return value


def has_too_many_digits(value: str | int | Decimal) -> bool:
    """Whether a whole number would lose digits as a float64, whose whole numbers end at 2^53."""
    if isinstance(value, str):
        if len(value) < _SAFE_DIGITS:
            return False
    elif -_HIGHEST_EXACT <= value <= _HIGHEST_EXACT:
        return False
    text = str(value).strip()
    if not _WHOLE.fullmatch(text):
        return False
    return abs(float(text)) >= _HIGHEST_EXACT and Decimal(float(text)) != Decimal(text)


def is_number(text: str) -> bool:
    """Whether `number` takes it."""
    try:
        number(text)
    except ValueError:
        return False
    return True


class _Missing:
    """Knows which cells are missing, and notes those that must not be."""

    def __init__(self, name: str, column: Column, dataset: Dataset, faults: Faults) -> None:
        self.texts = dataset.missing_texts
        self._faults = faults
        self._refused = getattr(column, "missing", "unknown") == "refused"
        self.of_label = name == dataset.label
        self._fault = f"{name}: missing {'label' if self.of_label else 'value'}"
        self._way_out = "" if self.of_label else "declare what it means (missing: unknown or none) or mend the file"

    def note(self, index: int, place: Place) -> None:
        if self._refused:
            self._faults.add(self._fault, example=place(index), way_out=self._way_out)


class _Numbers:
    def __init__(self, name: str, column: Numeric, missing: _Missing, faults: Faults) -> None:
        self._name = name
        self._low, self._high = column.low, column.high
        self._is_label = missing.of_label
        self._missing = missing
        self._faults = faults
        self._parts: list[NDArray[np.float64]] = []

    def add(self, cells: Sequence[object], place: Place) -> None:
        numbers = self._quick(cells)
        if numbers is None:
            numbers = self._careful(cells, place)
        self._check_range(numbers, place)
        self._parts.append(numbers)

    def values(self) -> NDArray[np.generic]:
        return np.concatenate([np.empty(0), *self._parts])

    def _quick(self, cells: Sequence[object]) -> NDArray[np.float64] | None:
        """The numbers, or None when a cell needs a closer look."""
        try:
            numbers = np.array(list(map(float, cells)))  # type: ignore[arg-type]
        except (ValueError, TypeError, OverflowError):
            return None
        if not (np.abs(numbers) < _HIGHEST_EXACT).all() or any(
            isinstance(c, str) and ("_" in c or not c.isascii()) for c in cells
        ):
            return None
        return numbers

    def _careful(self, cells: Sequence[object], place: Place) -> NDArray[np.float64]:
        numbers = np.full(len(cells), np.nan)
        for index, cell in enumerate(cells):
            if is_missing(cell, self._missing.texts):
                self._missing.note(index, place)
                continue
            try:
                numbers[index] = number(cell if isinstance(cell, str) else str(cell))
            except ValueError:
                self._refuse(cell, place(index))
        return numbers

    def _refuse(self, cell: object, place: str) -> None:
        fault, way_out = f"{self._name}: not a number", ""
        if isinstance(cell, str | int | Decimal) and has_too_many_digits(cell):
            fault = f"{self._name}: whole numbers beyond 2^53 would lose digits"
            way_out = "round them in the file, or describe the column as identifier"
        elif self._is_label:
            way_out = "where the label has levels, describe it as kind: nominal; `housing describe` says more"
        self._faults.add(fault, example=f"{shown(cell)} ({place})", way_out=way_out)

    def _check_range(self, numbers: NDArray[np.float64], place: Place) -> None:
        # A comparison with NaN is False: missing values are in range.
        for side, outside, bound in (
            ("below the lowest", numbers < self._low if self._low is not None else None, self._low),
            ("above the highest", numbers > self._high if self._high is not None else None, self._high),
        ):
            for index in np.flatnonzero(outside).tolist() if outside is not None else ():
                example = f"{text_of(float(numbers[index]))} ({place(index)})"
                self._faults.add(f"{self._name}: {side} allowed value {bound:g}", example=example)


class _Levels:
    def __init__(self, name: str, levels: Sequence[str] | None, missing: _Missing, faults: Faults) -> None:
        self._name = name
        self._levels = levels
        self._missing = missing
        self._faults = faults
        self._values: list[str | None] = []
        # Cell -> value. Sharing one string among equal cells keeps large tables small.
        self._known: dict[object, str | None] = dict.fromkeys((None, *missing.texts))
        self._known.update({level: level for level in levels or ()})

    def add(self, cells: Sequence[object], place: Place) -> None:
        for cell in set(cells).difference(self._known):
            text = None if is_missing(cell) else text_of(cell)
            if self._levels is None or text is None or text in self._levels:
                self._known[cell] = text
        unknown = set(cells).difference(self._known)
        values = list(map(self._known.get, cells))
        if None in values:
            self._note(cells, values, unknown, place)
        self._values += values

    def values(self) -> NDArray[np.generic]:
        return np.array(self._values, dtype=object)

    def _note(self, cells: Sequence[object], values: Sequence[str | None], unknown: set[object], place: Place) -> None:
        for index, value in enumerate(values):
            if value is not None:
                continue
            if cells[index] not in unknown:
                self._missing.note(index, place)
                continue
            fault = f"{self._name}: unknown level"
            self._faults.add(
                fault,
                example=partial(self._example, cells[index], index, place),
                way_out=f"the levels are {listed(self._levels or (), limit=12)}",
            )

    def _example(self, cell: object, index: int, place: Place) -> str:
        near = nearest(text_of(cell), self._levels or ())
        return f"{shown(cell)} ({place(index)}{f', did you mean {near!r}?' if near else ''})"


class _Names:
    def __init__(self, name: str, missing: _Missing, faults: Faults, *, unique: bool) -> None:
        self._name = name
        self._missing = missing
        self._faults = faults
        self._unique = unique
        self._first: dict[str, str] = {}
        self._values: list[str | None] = []

    def add(self, cells: Sequence[object], place: Place) -> None:
        for index, cell in enumerate(cells):
            if is_missing(cell, self._missing.texts):
                self._missing.note(index, place)
                self._values.append(None)
                continue
            text = text_of(cell)
            self._values.append(text)
            if self._unique:
                self._note_duplicate(text, place(index))

    def values(self) -> NDArray[np.generic]:
        return np.array(self._values, dtype=object)

    def _note_duplicate(self, text: str, here: str) -> None:
        first = self._first.setdefault(text, here)
        if first != here:
            example = f"{shown(text)} ({first} and {here})"
            self._faults.add(f"{self._name}: duplicate identifier", example=example)
