"""Collects columns of texts: all texts of most, a sample where very many different ones are plain texts, or dates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from housing.data.collectors import is_text, texts_of
from housing.data.looks import are_mostly_something
from housing.data.number_columns import MISSING_ANYWHERE, MISSING_BESIDE_NUMBERS
from housing.data.sampled_dates import Dates, are_mostly_dates
from housing.data.text_columns import LOOKED_AT, VERY_MANY, Others, TextCells, TextColumn

if TYPE_CHECKING:
    import pyarrow as pa

_MISSING = (*MISSING_ANYWHERE, *MISSING_BESIDE_NUMBERS)
_COUNTED_AT_ONCE = 1 << 17


class SampledCells:
    """Collects a column piece by piece. Texts that mean missing, and those that are no dates among dates, are always
    kept.
    """

    def __init__(self) -> None:
        self._kept = TextCells()
        self._others: _Others | None = None
        self._dates: Dates | None = None
        self._is_decided = False

    @property
    def is_misjudged(self) -> bool:
        """Whether a sample is kept of what must be read as a whole: later texts are not like the first ones."""
        if self._dates is not None:
            return self._dates.has_many_odd
        return self._others is not None and are_mostly_something(self._others.sample)

    def take(self, cells: pa.Array) -> None:
        """Add cells of any type."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._others is None or pa.types.is_null(cells.type):
            self._kept.take(cells)
            self._decide()
            return
        texts = cells if is_text(cells.type) else pa.array(texts_of(cells), pa.string())
        is_missing = pc.is_in(texts, value_set=pa.array(_MISSING, texts.type))
        there = pc.and_not(texts.is_valid(), is_missing).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(there)
        rows = rows[~self._odd(texts.take(rows))]
        self._others.add(texts.take(rows).to_pylist(), rows + self._kept.rows, len(rows))
        there[:] = False
        there[rows] = True
        self._kept.take(pc.if_else(pa.array(there), pa.scalar(None, texts.type), texts))

    def column(self) -> TextColumn:
        """The collected column."""
        kept = self._kept.column()
        return kept if self._others is None else kept.beside(self._others.column(kept.rows, self._dates))

    def _odd(self, texts: pa.Array) -> NDArray[np.bool_]:
        """Which texts are kept among dates; none where these are plain texts, or where they are read again anyway."""
        if self._dates is None or self._dates.has_many_odd:
            return np.zeros(len(texts), bool)
        import pyarrow as pa

        return self._dates.odd(texts.cast(pa.large_string()))

    def _decide(self) -> None:
        """Keep only a sample from now on, where it is clear that no more is needed."""
        import pyarrow as pa

        if self._is_decided or self._kept.different <= 4 * VERY_MANY:
            return
        column = self._kept.column()
        present = column.without(_MISSING)
        self._is_decided = len(present.texts) > VERY_MANY
        if not self._is_decided:
            return
        sample = present.some(LOOKED_AT).texts
        if are_mostly_dates(sample):
            self._dates = Dates(sample)
        elif are_mostly_something(sample):
            return
        self._others = _Others()
        is_odd = self._odd(pa.array(present.texts, pa.large_string()))
        others = present.where(~is_odd)
        self._others.add(list(others.texts), others.first, others.present)
        self._kept = TextCells(column.only({*_MISSING, *present.where(is_odd).texts}))


class _Others:
    """Texts that are counted by hashes of 64 bits, and kept if theirs ends with enough zeros."""

    def __init__(self) -> None:
        self._rows = self._longest = 0
        self._hashes: NDArray[np.int64] = np.empty(0, np.int64)
        self._new: list[NDArray[np.int64]] = []
        self._zeros = 0
        self._first: dict[str, int] = {}

    @property
    def sample(self) -> Sequence[str]:
        """Some of the texts, each as likely as any other."""
        return list(self._first)

    def add(self, texts: Sequence[str], first: NDArray[np.int64], rows: int) -> None:
        """Add texts that may be there already, in order of their `first` rows; `rows` have them."""
        self._rows += rows
        self._longest = max(self._longest, max(map(len, texts), default=0))
        # Python's hash differs from process to process, so that no file can be made to collide.
        hashes = np.fromiter(map(hash, texts), np.int64, len(texts))
        for place in np.flatnonzero(hashes & self._zeros == 0).tolist():
            self._first.setdefault(texts[place], int(first[place]))
        while len(self._first) > 2 * LOOKED_AT:
            self._zeros = 2 * self._zeros + 1
            self._first = {text: row for text, row in self._first.items() if hash(text) & self._zeros == 0}
        self._new.append(hashes)
        if sum(map(len, self._new)) > max(_COUNTED_AT_ONCE, len(self._hashes) // 2):
            self._count()

    def column(self, rows: int, dates: Dates | None) -> TextColumn:
        """The sample as a column of so many rows, with the number of the other texts; with what is known of dates."""
        self._count()
        kept = len(self._first)
        least, formats = (dates.least, dates.formats) if dates else ("", ())
        others = Others(len(self._hashes) - kept, self._rows - kept, self._longest, least, formats)
        return TextColumn(
            rows, self.sample, np.array([*self._first.values()], np.int64), np.ones(kept, np.int64), others
        )

    def _count(self) -> None:
        found = np.concatenate([self._hashes, *self._new])
        found.sort()  # ten times as fast as numpy's `unique`, which hashes
        is_first = np.ones(len(found), bool)
        np.not_equal(found[1:], found[:-1], out=is_first[1:])
        self._hashes, self._new = found[is_first], []
