"""Columns of texts, kept as the different ones that occur, so that any number of rows may have them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from housing.data.collectors import is_text, texts_of

if TYPE_CHECKING:
    import pyarrow as pa


VERY_MANY, LOOKED_AT = 20_000, 2_000
"""Of more different texts than these, so many are looked at first: what they are not, all are not."""


@dataclass(frozen=True, eq=False)
class TextColumn:
    """The different `texts` in the order of their `first` rows, and how many rows have each; the rest is missing."""

    rows: int
    texts: Sequence[str]
    first: NDArray[np.int64]
    counts: NDArray[np.int64]

    @cached_property
    def present(self) -> int:
        """How many rows have a text."""
        return int(self.counts.sum())

    @classmethod
    def empty(cls, rows: int) -> TextColumn:
        """Of rows that all miss it."""
        return cls(rows, (), np.empty(0, np.int64), np.empty(0, np.int64))

    def cells(self) -> list[tuple[str, int, int]]:
        """Each text with its first row, and how many rows have it."""
        return list(zip(self.texts, self.first.tolist(), self.counts.tolist(), strict=True))

    def without(self, missing_texts: Collection[str]) -> TextColumn:
        """The same, where these texts mean missing."""
        missing = set(missing_texts)
        if missing.isdisjoint(self.texts):
            return self
        return self._of([cell for cell in self.cells() if cell[0] not in missing])

    def written(self, plain: Mapping[str, str]) -> TextColumn:
        """The same with other texts, which may be equal where these are not."""
        found: dict[str, tuple[int, int]] = {}
        for text, first, count in self.cells():
            before = found.get(plain.get(text, text))
            found[plain.get(text, text)] = (first, count) if before is None else (before[0], before[1] + count)
        return self._of([(text, *where) for text, where in found.items()])

    def some(self, most: int) -> TextColumn:
        """Of about so many of the texts, at equal distances."""
        step = max(1, len(self.texts) // most)
        return TextColumn(self.rows, self.texts[::step], self.first[::step], self.counts[::step])

    def _of(self, cells: Sequence[tuple[str, int, int]]) -> TextColumn:
        first, counts = (np.array([cell[place] for cell in cells], np.int64) for place in (1, 2))
        return TextColumn(self.rows, [cell[0] for cell in cells], first, counts)


class TextCells:
    """Takes a column piece by piece."""

    def __init__(self) -> None:
        self._rows = 0
        self._texts: list[pa.Array] = []
        self._first: list[NDArray[np.int64]] = []
        self._counts: list[NDArray[np.int64]] = []

    @property
    def rows(self) -> int:
        return self._rows

    def add(self, cells: pa.Array) -> None:
        """Of any type; what is no text is taken as it would stand in a CSV file."""
        import pyarrow as pa

        if pa.types.is_null(cells.type):
            self._rows += len(cells)
            return
        encoded = cells.dictionary_encode()
        texts = encoded.dictionary
        if not is_text(texts.type):
            texts = pa.array(texts_of(texts), pa.string())
        codes = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
        self._take(texts, *_first_and_counts(codes, len(texts), np.arange(self._rows, self._rows + len(codes))))
        self._rows += len(cells)
        if len(self._texts) >= _MERGED_PIECES:
            self._merge()

    def column(self) -> TextColumn:
        """All that was taken."""
        if not self._texts:
            return TextColumn.empty(self._rows)
        self._merge()
        return TextColumn(self._rows, self._texts[0].to_pylist(), self._first[0], self._counts[0])

    def _take(self, texts: pa.Array, first: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        import pyarrow as pa

        there = texts.is_valid().to_numpy(zero_copy_only=False) & (counts > 0)
        order = np.flatnonzero(there)
        order = order[np.argsort(first[order], kind="stable")]
        self._texts.append(texts.cast(pa.large_string()).take(pa.array(order)))
        self._first.append(first[order])
        self._counts.append(counts[order])

    def _merge(self) -> None:
        """Equal texts of several pieces are one."""
        import pyarrow as pa

        encoded = pa.concat_arrays(self._texts).dictionary_encode()
        codes, size = encoded.indices.to_numpy(zero_copy_only=False), len(encoded.dictionary)
        first, _ = _first_and_counts(codes, size, np.concatenate(self._first))
        counts = np.bincount(codes, np.concatenate(self._counts), size).astype(np.int64)
        self._texts, self._first, self._counts = [encoded.dictionary], [first], [counts]


_MERGED_PIECES = 64


def _first_and_counts(
    codes: NDArray[Any], size: int, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each code below `size`: its first row, and how often it is there."""
    first = np.zeros(size + 1, np.int64)
    first[codes[::-1]] = rows[::-1]  # the last one that is written is the first row
    return first[:size], np.bincount(codes, minlength=size + 1)[:size].astype(np.int64)
