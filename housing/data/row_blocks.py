"""Columns that are read or copied on demand, so that a large table is held in memory once, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]

_CELLS_A_BLOCK = 4_000_000


class BlockColumns(Protocol):
    """A mapping of columns that can also be read in blocks of rows, in order; looking up names reads nothing."""

    def __contains__(self, name: object, /) -> bool: ...

    def __getitem__(self, name: str, /) -> NDArray[Any]: ...

    def __iter__(self) -> Iterator[str]: ...

    def __len__(self) -> int: ...

    def blocks(self, names: Collection[str]) -> Iterator[Columns]:
        """These columns, a block of rows at a time."""


class HeldColumns(dict[str, NDArray[Any]]):
    """Columns in memory."""

    def blocks(self, names: Collection[str]) -> Iterator[Columns]:
        """See `BlockColumns`; slices, no copies."""
        rows = len(next(iter(self.values()))) if self else 0
        step = max(1, _CELLS_A_BLOCK // max(1, len(names)))
        for start in range(0, rows, step):
            yield {name: self[name][start : start + step] for name in names}


class TakenColumns(Mapping[str, NDArray[Any]]):
    """A selection of rows of other columns; each column is copied on access."""

    def __init__(self, columns: BlockColumns, rows: NDArray[np.int64]) -> None:
        self._columns = columns
        self._rows = rows
        self._are_ascending = bool((np.diff(rows) > 0).all())

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name][self._rows]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def blocks(self, names: Collection[str]) -> Iterator[Columns]:
        """See `BlockColumns`."""
        if not self._are_ascending:
            ascending, places = np.unique(self._rows, return_inverse=True)
            blocks = list(TakenColumns(self._columns, ascending).blocks(names))
            yield {name: np.concatenate([block[name] for block in blocks])[places] for name in names if blocks}
            return
        for block, there in selected(self._columns.blocks(names), self._rows):
            if len(there):
                yield {name: values[there] for name, values in block.items()}


def selected(blocks: Iterator[Columns], rows: NDArray[np.int64]) -> Iterator[tuple[Columns, NDArray[np.int64]]]:
    """Each block, with the indices in it of `rows`, which must be ascending."""
    begin = 0
    for block in blocks:
        end = begin + len(next(iter(block.values())))
        first, last = np.searchsorted(rows, [begin, end])
        yield block, rows[first:last] - begin
        begin = end
