"""The order of an encoder's columns in its matrix, and how raw rows are written there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.data import plain_numbers
from housing.data.cells import is_missing
from housing.data.derived import OF_ANY_KIND, Derived, compute
from housing.data.faults import Faults, listed
from housing.data.inputs import Levels, Number, plain_values
from housing.data.learning import Input
from housing.data.more_inputs import Flag, Moment
from housing.errors import DataError


class Layout:
    """Safe to call from several threads. `columns` are the encoded names, `required` the raw ones that are read."""

    def __init__(self, inputs: Sequence[Input], derived: Mapping[str, Derived], missing_texts: frozenset[str]) -> None:
        names = [one.names() for one in inputs]
        sizes = [len(of_one) for of_one in names]
        self.columns = _safe_names([*chain(*names), *derived])
        # A joint encoder may encode one column in two ways.
        self.required = tuple(dict.fromkeys(one.column for one in inputs))
        self._derived, self._missing_texts = derived, missing_texts
        self._asked = {name for one in derived.values() for name in one.columns}
        raw = [self.required.index(one.column) for one in inputs]
        self.places: list[tuple[Input, int, int, int]] = (
            [*zip(inputs, raw, accumulate([0, *sizes[:-1]]), sizes, strict=True)] if sizes else []
        )
        """For each input: its index among the raw columns, its first encoded column, and how many it has."""
        self._others = [place for place in self.places if not isinstance(place[0], Number)]
        self._numbers = [(one, raw) for one, raw, _, _ in self.places if isinstance(one, Number)]
        self._number_columns = [start for one, _, start, _ in self.places if isinstance(one, Number)]

    @property
    def sources(self) -> tuple[str, ...]:
        """For each encoded column, the raw column that it comes from; for a derived one its own name."""
        return (*chain.from_iterable([one.column] * size for one, _, _, size in self.places), *self._derived)

    @property
    def categorical(self) -> tuple[int, ...]:
        """The indices of encoded columns that hold codes of levels."""
        return tuple(start for one, _, start, _ in self.places if isinstance(one, Levels) and one.way == "native")

    def place_of(self, column: str) -> int:
        """The index of a raw column's first encoded column."""
        return next(start for one, _, start, _ in self.places if one.column == column)

    def matrix(self, columns: Mapping[str, Any]) -> NDArray[np.float32]:
        """(rows, len(self.columns)) from raw columns by name; see `Encoder.transform`."""
        raw = self._raw(columns)
        width = len(self.columns)
        matrix = np.zeros((len(raw[0]), width), np.float32)
        flat = matrix.reshape(-1).data
        missing = self._missing_texts
        faults = Faults("rows")
        numbers: dict[str, NDArray[np.float64]] = {}
        absent = self._absent(raw)
        with np.errstate(over="ignore"):  # reported below, by column
            if (plain := self._plain_numbers(raw)) is not None:
                names = [one.column for one, _ in self._numbers]
                numbers.update((name, found) for name, found in zip(names, plain, strict=True) if name in self._asked)
                matrix[:, self._number_columns] = plain.T
            for one, place, start, size in self.places if plain is None else self._others:
                values = raw[place]
                if isinstance(one, Levels):
                    one.write(values, flat, start=start, width=width, missing_texts=missing, faults=faults)
                elif isinstance(one, Number | Flag):
                    matrix[:, start] = read = one.read(values, missing, faults)
                    self._keep(one.column, read, numbers)
                elif isinstance(one, Moment):
                    days = one.days(values, missing, faults)
                    matrix[:, start : start + size] = one.block(days)
                    self._keep(one.column, days, numbers)
                elif len(found := one.block(values, missing, faults)) == len(matrix):  # otherwise faults were noted
                    matrix[:, start : start + size] = found
            faults.raise_any()
            for column, derived in enumerate(self._derived.values(), width - len(self._derived)):
                of_any = derived.operation in OF_ANY_KIND
                matrix[:, column] = compute(derived, absent if of_any else numbers)
        if np.isinf(matrix).any():
            _, column = np.argwhere(np.isinf(matrix))[0]
            raise DataError(f"rows: {self.columns[column]}: a value is too large for 32-bit floating point")
        return matrix

    def _keep(self, column: str, read: NDArray[np.float64], numbers: dict[str, NDArray[np.float64]]) -> None:
        """Keep a column that others are derived from; keeping all would take more memory than the matrix."""
        if column in self._asked:
            numbers[column] = read

    def _plain_numbers(self, raw: Sequence[Any]) -> NDArray[np.float64] | None:
        """(columns, rows) of all numeric inputs, read at once as `Number.read` would; None where that must be used."""
        lists = [raw[place] for _, place in self._numbers]
        if set(map(type, lists)) != {list} or not all(one.form.is_plain for one, _ in self._numbers):
            return None
        found = plain_numbers.from_cells([*chain.from_iterable(lists)], self._missing_texts)
        if found is None:
            return None
        found = found.reshape(len(lists), -1) + 0.0  # -0 and 0 are one number, also as text
        missing = np.isnan(found)
        for place in np.flatnonzero(missing.any(axis=1)).tolist():
            if self._numbers[place][0].missing == "refused":
                return None
            if self._numbers[place][0].missing == "none":
                found[place, missing[place]] = 0
        return found

    def _absent(self, raw: Sequence[Any]) -> dict[str, NDArray[np.float64]]:
        """(rows,) of 1 where a column is missing, else 0, for the columns of `is_missing`."""
        asked = {name for one in self._derived.values() if one.operation in OF_ANY_KIND for name in one.columns}
        return {
            name: np.array([is_missing(value, self._missing_texts) for value in plain_values(values)], np.float64)
            for name, values in zip(self.required, raw, strict=True)
            if name in asked
        }

    def _raw(self, columns: Mapping[str, Any]) -> list[Any]:
        """The required columns, of equal length."""
        if absent := [name for name in self.required if name not in columns]:
            raise DataError(f"rows: missing columns: {listed(absent)}")
        raw = [columns[name] for name in self.required]
        if len(set(map(len, raw))) > 1:
            lengths = listed([f"{name}: {len(values)}" for name, values in zip(self.required, raw, strict=True)])
            raise DataError(f"rows: columns of unequal length ({lengths})")
        return raw


def _safe_names(names: Sequence[str]) -> tuple[str, ...]:
    """Unique, and without what breaks CSV headers and XGBoost's feature names ([ ] < and white space)."""
    safe: dict[str, None] = {}
    for name in names:
        plain = candidate = re.sub(r'[\[\]<>,;"\'\s]+', "_", name) or "_"
        count = 1
        while candidate in safe:
            count += 1
            candidate = f"{plain}~{count}"
        safe[candidate] = None
    return tuple(safe)
