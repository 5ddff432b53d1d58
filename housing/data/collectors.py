"""Reads the cells of one column for a table, as numbers, levels or names, and checks them against the description.

Cells come as Arrow arrays, which are converted as a whole; one with an odd cell is read cell by cell, for a message
that names the cell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import HIGHEST_EXACT, has_too_many_digits, is_missing, number, text_of
from housing.data.description import Column, Dataset, Nominal, Numeric, Ordinal
from housing.data.faults import Faults, listed, shown
from housing.data.kinds import Boolean, truth
from housing.data.missing import Place
from housing.data.moments import Date, seconds_of
from housing.data.number_format import NumberFormat
from housing.data.read_cells import ReadCells, date_in_words
from housing.data.source_spec import PART
from housing.nearest import nearest

if TYPE_CHECKING:
    import pyarrow as pa


class Collector(Protocol):
    """Reads one column, piece by piece."""

    def take(self, cells: pa.Array, place: Place) -> NDArray[np.generic]:
        """The next cells (text, numbers, or null for missing) converted to a table's values; notes faults."""


def collector(name: str, dataset: Dataset, faults: Faults) -> Collector:
    """The collector of the column `name`."""
    column = dataset.columns[name]
    missing = _Missing(name, column, dataset, faults)
    if isinstance(column, Numeric):
        return Numbers(name, column, missing, faults, dataset.number_format)
    if isinstance(column, Ordinal | Nominal):
        return _Levels(name, column.levels, missing, faults)
    if isinstance(column, Boolean):
        return ReadCells(name, truth, missing, faults, what="true or false")
    if isinstance(column, Date):
        read = partial(seconds_of, pattern=column.format)
        return ReadCells(name, read, missing, faults, what=date_in_words(column.format))
    return _Names(missing)


def part_collector(dataset: Dataset, faults: Faults) -> Collector:
    """The collector of each row's part of the split, where files of parts are given."""
    column = Nominal(levels=("train", "validation", "test"))
    return _Levels(PART, column.levels, _Missing(PART, column, dataset, faults), faults)


def number_reader(name: str, column: Numeric, dataset: Dataset, faults: Faults) -> Numbers:
    """A reader of a column's numbers that allows missing cells and any range."""
    anywhere = replace(column, low=None, high=None, missing="unknown")
    return Numbers(name, anywhere, _Missing(name, anywhere, dataset, faults), faults, dataset.number_format)


def texts_of(cells: pa.Array) -> list[str | None]:
    """Each cell as its text in a CSV file."""
    return [None if is_missing(cell) else text_of(cell) for cell in cells.to_pylist()]


class _Missing:
    """Knows which cells are missing, and notes those that must not be."""

    def __init__(self, name: str, column: Column, dataset: Dataset, faults: Faults) -> None:
        self.texts = dataset.missing_texts
        self._faults = faults
        self.is_refused = getattr(column, "missing", "unknown") == "refused"
        self.of_label = name == dataset.label
        self._fault = f"{name}: missing {'label' if self.of_label else 'value'}"
        self._way_out = (
            "leave these rows out (label_missing: dropped), or mend the file"
            if self.of_label
            else "declare what it means (missing: unknown or none) or mend the file"
        )

    def note(self, index: int, place: Place) -> None:
        if self.is_refused:
            self._faults.add(self._fault, example=partial(place, index), way_out=self._way_out)

    def as_null(self, cells: pa.Array) -> pa.Array:
        """Texts, with those that mean missing replaced by null."""
        import pyarrow as pa
        import pyarrow.compute as pc

        is_one = pc.is_in(cells, value_set=pa.array(sorted(self.texts), cells.type))
        return pc.if_else(is_one, pa.scalar(None, cells.type), cells) if pc.any(is_one).as_py() else cells


class Numbers:
    """Finite numbers as float64, NaN for missing; those outside of the column's range are noted as faults."""

    def __init__(self, name: str, column: Numeric, missing: _Missing, faults: Faults, form: NumberFormat) -> None:
        self._name = name
        self._form = form
        self._low, self._high = column.low, column.high
        self._missing = missing
        self._faults = faults

    def take(self, cells: pa.Array, place: Place) -> NDArray[np.float64]:
        numbers = self.read(cells, place)
        self._check_range(numbers, place)
        return numbers

    def read(self, cells: pa.Array, place: Place) -> NDArray[np.float64]:
        """(cells,) of numbers; notes cells that are not numbers, or must not be missing."""
        numbers = self._quick(cells)
        if numbers is None:
            return self._careful(cells.to_pylist(), place)
        if self._missing.is_refused and (unknown := np.isnan(numbers)).any():
            for index in np.flatnonzero(unknown).tolist():
                self._missing.note(index, place)
        return numbers

    def _quick(self, cells: pa.Array) -> NDArray[np.float64] | None:
        """The numbers, or None when a cell must be read by itself."""
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            known = self._form.plain_array(self._missing.as_null(cells)) if is_text(cells.type) else cells
            found = pc.cast(known, pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        numbers: NDArray[np.float64] = found.to_numpy(zero_copy_only=False)
        if pa.types.is_boolean(cells.type) or pa.types.is_decimal(cells.type):
            return None
        # Both ends are NaN where any cell is, which no comparison finds in range.
        if len(numbers) and numbers.min() > -HIGHEST_EXACT and numbers.max() < HIGHEST_EXACT:
            return numbers
        unknown = int(np.isnan(numbers).sum())
        if is_text(cells.type) and unknown != found.null_count:  # written as "nan"
            return None
        within = np.abs(numbers) < HIGHEST_EXACT
        return numbers if int(within.sum()) + unknown == len(numbers) else None

    def _careful(self, cells: Sequence[object], place: Place) -> NDArray[np.float64]:
        numbers = np.full(len(cells), np.nan)
        for index, cell in enumerate(cells):
            if is_missing(cell, self._missing.texts):
                self._missing.note(index, place)
                continue
            try:
                numbers[index] = self._form.number(cell) if isinstance(cell, str) else number(str(cell))
            except ValueError:
                self._refuse(cell, partial(place, index))
        return numbers

    def _refuse(self, cell: object, place: Callable[[], str]) -> None:
        fault, way_out = f"{self._name}: not a number", ""
        if isinstance(cell, str | int | Decimal) and has_too_many_digits(cell):
            fault = f"{self._name}: whole numbers beyond 2^53 would lose digits"
            way_out = "round them in the file, or describe the column as identifier"
        elif self._missing.of_label:
            way_out = "where the label has levels, describe it as kind: nominal; `housing describe` says more"
        self._faults.add(fault, example=lambda: f"{shown(cell)} ({place()})", way_out=way_out)

    def _check_range(self, numbers: NDArray[np.float64], place: Place) -> None:
        # Comparisons with NaN are False, so missing values count as in range.
        for side, outside, bound in (
            ("below the lowest", numbers < self._low if self._low is not None else None, self._low),
            ("above the highest", numbers > self._high if self._high is not None else None, self._high),
        ):
            for index in np.flatnonzero(outside).tolist() if outside is not None else ():
                example = partial(_with_place, text_of(float(numbers[index])), index, place)
                self._faults.add(f"{self._name}: {side} allowed value {bound:g}", example=example)


class _Levels:
    def __init__(self, name: str, levels: Sequence[str] | None, missing: _Missing, faults: Faults) -> None:
        self._name = name
        self._levels = levels
        self._missing = missing
        self._faults = faults
        # Cell -> value. Sharing one string among equal cells keeps large tables small.
        self._known: dict[object, str | None] = dict.fromkeys((None, *missing.texts))
        self._known.update({level: level for level in levels or ()})

    def take(self, cells: pa.Array, place: Place) -> NDArray[np.generic]:
        encoded = cells.dictionary_encode()
        found = [*encoded.dictionary.to_pylist(), None]
        unknown: set[object] = set()
        for cell in found:
            if cell in self._known:
                continue
            text = None if is_missing(cell) else text_of(cell)
            if self._levels is None or text is None or text in self._levels:
                self._known[cell] = text
            else:
                unknown.add(cell)
        codes = encoded.indices.fill_null(len(found) - 1).to_numpy(zero_copy_only=False)
        if unknown or self._missing.is_refused:
            self._note(found, codes, unknown, place)
        texts: NDArray[np.generic] = np.array([self._known.get(cell) for cell in found], dtype=object)[codes]
        return texts

    def _note(self, found: Sequence[object], codes: NDArray[np.int64], unknown: set[object], place: Place) -> None:
        odd = [code for code, cell in enumerate(found) if self._known.get(cell) is None]
        for index in np.flatnonzero(np.isin(codes, odd)).tolist():
            cell = found[codes[index]]
            if cell not in unknown:
                self._missing.note(index, place)
                continue
            self._faults.add(
                f"{self._name}: unknown level",
                example=partial(self._example, cell, index, place),
                way_out=f"the levels are {listed(self._levels or (), limit=12)}",
            )

    def _example(self, cell: object, index: int, place: Place) -> str:
        near = nearest(text_of(cell), self._levels or ())
        return f"{shown(cell)} ({place(index)}{f', did you mean {near!r}?' if near else ''})"


class _Names:
    def __init__(self, missing: _Missing) -> None:
        self._missing = missing

    def take(self, cells: pa.Array, place: Place) -> NDArray[np.generic]:
        names: NDArray[np.generic]
        if is_text(cells.type):
            names = self._missing.as_null(cells).to_numpy(zero_copy_only=False)
        else:
            names = _texts_by_value(cells)
        if self._missing.is_refused:
            for index in [index for index, name in enumerate(names.tolist()) if name is None]:
                self._missing.note(index, place)
        return names


def _texts_by_value(cells: pa.Array) -> NDArray[np.generic]:
    """As `texts_of`, with one string object for all cells of equal value."""
    encoded = cells.dictionary_encode()
    texts = np.array([*texts_of(encoded.dictionary), None], dtype=object)
    codes = encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)
    found: NDArray[np.generic] = texts[codes]
    return found


def is_text(kind: pa.DataType) -> bool:
    """Whether cells of this Arrow type are texts."""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _with_place(text: str, index: int, place: Place) -> str:
    return f"{text} ({place(index)})"
