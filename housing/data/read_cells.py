"""Cells that are validated by parsing, and kept as texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from housing.data.faults import Faults, shown
from housing.data.missing import Place, is_missing, text_of

if TYPE_CHECKING:
    import pyarrow as pa


class MissingCells(Protocol):
    """Knows which texts mean missing, and notes a cell that must not be."""

    texts: frozenset[str]

    def note(self, index: int, place: Place) -> None:
        """Note a missing cell, by its index, where the column must not have any."""


class ReadCells:
    """Keeps texts after checking that each can be parsed, as a date or a boolean."""

    def __init__(
        self, name: str, read: Callable[[str], object], missing: MissingCells, faults: Faults, *, what: str
    ) -> None:
        self._name, self._read, self._what = name, read, what
        self._missing = missing
        self._faults = faults
        self._known: dict[object, str | None] = dict.fromkeys((None, *missing.texts))

    def take(self, cells: pa.Array, place: Place) -> NDArray[np.generic]:
        """See `collectors.Collector`."""
        return self._take(cells.to_pylist(), place)

    def _take(self, cells: Sequence[object], place: Place) -> NDArray[np.generic]:
        odd = {cell for cell in set(cells).difference(self._known) if not self._takes(cell)}
        values = list(map(self._known.get, cells))
        if None in values:
            for index, (cell, value) in enumerate(zip(cells, values, strict=True)):
                if cell in odd:
                    self._faults.add(f"{self._name}: not {self._what}", example=f"{shown(cell)} ({place(index)})")
                elif value is None:
                    self._missing.note(index, place)
        return np.array(values, dtype=object)

    def _takes(self, cell: object) -> bool:
        if is_missing(cell):
            self._known[cell] = None
            return True
        text = text_of(cell)
        try:
            known = self._read(text) is not None
        except ValueError:
            return False
        if known:
            self._known[cell] = text
        return known


def date_in_words(pattern: str | None) -> str:
    """What a cell of a date column must be, for messages."""
    return "a date such as 2024-01-31" if pattern is None else f"a date as {pattern}"
