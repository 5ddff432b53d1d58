"""The interface of all file formats: names of columns, then rows piece by piece, with cells as in the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Piece:
    """Some rows, as columns by position; `place` names the place of a row: `line 7`.

    `share` is the part of its file, 0 to 1, that has been read with it; NaN where that is not known.
    """

    rows: int
    columns: Mapping[int, pa.Array]
    place: Callable[[int], str]
    share: float = math.nan


class RawFile(Protocol):
    """An opened file, whose columns are known."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns, in the file's order; may contain duplicates."""

    @property
    def is_csv(self) -> bool:
        """Whether it is a CSV file."""

    def unread(self, name: str) -> tuple[str, bool] | None:
        """What a column holds that is neither numbers nor text, and whether it is a date or time; else None."""

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError when the file cannot be read to its end."""


# Rows passed on at once: each call of Arrow has overhead.
_ROWS_AT_ONCE = 4_000


class Gathered:
    """Buffers cells and passes them on by thousands of rows: the pieces of a wide file are small."""

    def __init__(self, take: Callable[[str, pa.Array], None]) -> None:
        self._take = take
        self._waiting: dict[str, list[pa.Array]] = {}
        self._rows = 0

    def add(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        for name, cells in columns.items():
            self._waiting.setdefault(name, []).append(cells)
        self._rows += rows
        if self._rows >= _ROWS_AT_ONCE:
            self.hand_on()

    def hand_on(self) -> None:
        """Pass on what is buffered."""
        import pyarrow as pa

        for name, cells in self._waiting.items():
            alike = len({piece.type for piece in cells}) == 1
            for taken in [pa.concat_arrays(cells)] if alike and len(cells) > 1 else cells:
                self._take(name, taken)
        self._waiting.clear()
        self._rows = 0
