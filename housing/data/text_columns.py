"""Columns of texts, stored as their different values with counts, so that memory does not grow with rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from housing.data.collectors import is_text, texts_of

if TYPE_CHECKING:
    import pyarrow as pa


VERY_MANY, LOOKED_AT = 20_000, 2_000
"""With more different texts than the first number, a sample of the second number is examined first."""

_AT_ONCE = 10_000


class ArrowTexts(Sequence[str]):
    """Very many texts, in a fraction of the memory of Python strings."""

    def __init__(self, cells: pa.Array) -> None:
        """`cells` must be of type `large_string`, without nulls."""
        self.cells = cells

    def __len__(self) -> int:
        return len(self.cells)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(self.cells.take(list(range(len(self))[place])).to_pylist())
        return str(self.cells[place].as_py())

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self.cells[start : start + _AT_ONCE].to_pylist()


@dataclass(frozen=True)
class Others:
    """How many other texts a column has, in how many rows, and the length of the longest; none means missing.

    Where all of them are dates, `least` is the first one in order of texts, and `formats` fit them all (ISO 8601 is
    None).
    """

    different: int = 0
    rows: int = 0
    longest: int = 0
    least: str = ""
    formats: tuple[str | None, ...] = ()


@dataclass(frozen=True, eq=False)
class TextColumn:
    """The different `texts`, ordered by their `first` rows, and how many rows have each; other rows are missing.

    Where there are `others`, the texts are a sample, each counted once, beside those that may mean missing.
    """

    rows: int
    texts: Sequence[str]
    first: NDArray[np.int64]
    counts: NDArray[np.int64]
    others: Others = Others()

    @cached_property
    def present(self) -> int:
        """How many rows have a text."""
        return int(self.counts.sum()) + self.others.rows

    @property
    def different(self) -> int:
        """How many different texts there are."""
        return len(self.texts) + self.others.different

    @property
    def longest(self) -> int:
        """How many characters the longest text has."""
        return max(max(map(len, self.texts), default=0), self.others.longest)

    @classmethod
    def empty(cls, rows: int) -> TextColumn:
        """A column in which every row is missing."""
        return cls(rows, (), np.empty(0, np.int64), np.empty(0, np.int64))

    def cells(self) -> list[tuple[str, int, int]]:
        """Each text with its first row, and how many rows have it."""
        return list(zip(self.texts, self.first.tolist(), self.counts.tolist(), strict=True))

    def without(self, missing_texts: Collection[str]) -> TextColumn:
        """The column, with these texts as missing."""
        return self.where(~_are_among(self.texts, missing_texts))

    def only(self, texts: Collection[str]) -> TextColumn:
        """The column, with all texts but these as missing."""
        return replace(self, others=Others()).where(_are_among(self.texts, texts))

    def among(self, texts: Collection[str]) -> set[str]:
        """Those of `texts`, which mean missing or are looked up in a whole column, that occur."""
        return set(self.only(texts).texts)

    def where(self, kept: NDArray[np.bool_]) -> TextColumn:
        """The column with only the texts that the mask selects; rows of the others become missing."""
        if kept.all():
            return self
        return TextColumn(self.rows, _chosen(self.texts, kept), self.first[kept], self.counts[kept], self.others)

    def written(self, plain: Mapping[str, str]) -> TextColumn:
        """The column with texts replaced; different texts may become equal."""
        if not plain:
            return self
        found: dict[str, tuple[int, int]] = {}
        for text, first, count in self.cells():
            before = found.get(plain.get(text, text))
            found[plain.get(text, text)] = (first, count) if before is None else (before[0], before[1] + count)
        return self._of([(text, *where) for text, where in found.items()])

    def some(self, most: int) -> TextColumn:
        """A sample of about `most` texts, evenly spaced."""
        step = max(1, len(self.texts) // most)
        return TextColumn(self.rows, self.texts[::step], self.first[::step], self.counts[::step])

    def standing_for(self, present: int) -> TextColumn:
        """The sample scaled to `present` rows: the first text's count is increased accordingly."""
        counts = self.counts.copy()
        counts[0] += present - self.present
        return TextColumn(self.rows, self.texts, self.first, counts)

    def beside(self, other: TextColumn) -> TextColumn:
        """The texts of both, which have none in common."""
        first = np.concatenate([self.first, other.first])
        order = np.argsort(first, kind="stable")
        texts = [*self.texts, *other.texts]
        counts = np.concatenate([self.counts, other.counts])
        rows, others = max(self.rows, other.rows), self.others if self.others.different else other.others
        return TextColumn(rows, [texts[place] for place in order], first[order], counts[order], others)

    def _of(self, cells: Sequence[tuple[str, int, int]]) -> TextColumn:
        first, counts = (np.array([cell[place] for cell in cells], np.int64) for place in (1, 2))
        return TextColumn(self.rows, [cell[0] for cell in cells], first, counts)


class TextCells:
    """Collects a column piece by piece, all of its texts."""

    def __init__(self, begun: TextColumn | None = None) -> None:
        """`begun` has the rows before; it must have no `others`."""
        self._rows = 0
        self._texts: list[pa.Array] = []
        self._first: list[NDArray[np.int64]] = []
        self._counts: list[NDArray[np.int64]] = []
        if begun is not None:
            self._begin(begun)

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def different(self) -> int:
        """An upper bound of the number of different texts."""
        return sum(map(len, self._texts))

    def take(self, cells: pa.Array) -> None:
        """Add cells of any type; other values become their text in a CSV file."""
        import pyarrow as pa

        if pa.types.is_null(cells.type):
            self._rows += len(cells)
            return
        encoded = cells.dictionary_encode()
        texts = encoded.dictionary
        if not is_text(texts.type):
            texts = pa.array(texts_of(texts), pa.string())
        codes = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
        self._keep(texts, *_first_and_counts(codes, len(texts), np.arange(self._rows, self._rows + len(codes))))
        self._rows += len(cells)
        if len(self._texts) >= _MERGED_PIECES:
            self._merge()

    def column(self) -> TextColumn:
        """The collected column."""
        if not self._texts:
            return TextColumn.empty(self._rows)
        self._merge()
        (cells,) = self._texts
        texts = ArrowTexts(cells) if len(cells) > VERY_MANY else cells.to_pylist()
        return TextColumn(self._rows, texts, self._first[0], self._counts[0])

    def _begin(self, column: TextColumn) -> None:
        import pyarrow as pa

        self._rows = column.rows
        self._keep(pa.array(column.texts, pa.large_string()), column.first, column.counts)

    def _keep(self, texts: pa.Array, first: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        import pyarrow as pa

        there = texts.is_valid().to_numpy(zero_copy_only=False) & (counts > 0)
        order = np.flatnonzero(there)
        order = order[np.argsort(first[order], kind="stable")]
        self._texts.append(texts.cast(pa.large_string()).take(pa.array(order)))
        self._first.append(first[order])
        self._counts.append(counts[order])

    def _merge(self) -> None:
        """Merge equal texts of several pieces."""
        import pyarrow as pa

        # Nothing is held twice: with very many texts, memory peaks here.
        together, self._texts = pa.concat_arrays(self._texts), []
        encoded = together.dictionary_encode()
        del together
        codes, size = encoded.indices.to_numpy(zero_copy_only=False), len(encoded.dictionary)
        self._texts = [encoded.dictionary]
        self._first = [_firsts(codes, size, np.concatenate(self._first))]
        self._counts = [np.bincount(codes, np.concatenate(self._counts), size).astype(np.int64)]


_MERGED_PIECES = 64


def _are_among(texts: Sequence[str], some: Collection[str]) -> NDArray[np.bool_]:
    if isinstance(texts, ArrowTexts):
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pc.is_in(texts.cells, value_set=pa.array(sorted(some), pa.large_string()))
        among: NDArray[np.bool_] = found.to_numpy(zero_copy_only=False)
        return among
    wanted = set(some)
    return np.fromiter((text in wanted for text in texts), bool, len(texts))


def _chosen(texts: Sequence[str], kept: NDArray[np.bool_]) -> Sequence[str]:
    if isinstance(texts, ArrowTexts):
        import pyarrow as pa

        cells = texts.cells.filter(pa.array(kept))
        return ArrowTexts(cells) if len(cells) > VERY_MANY else cells.to_pylist()
    return [text for text, is_kept in zip(texts, kept.tolist(), strict=True) if is_kept]


def _first_and_counts(
    codes: NDArray[Any], size: int, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each code below `size`: its first row, and its count."""
    return _firsts(codes, size, rows), np.bincount(codes, minlength=size + 1)[:size].astype(np.int64)


def _firsts(codes: NDArray[Any], size: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    first = np.zeros(size + 1, np.int64)
    first[codes[::-1]] = rows[::-1]  # written in reverse, so that the first row remains
    return first[:size]
