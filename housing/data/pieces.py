"""What every kind of file is read as: names of columns, then rows piece by piece, each cell as the file has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Piece:
    """Some rows, the columns by position; `place` names the place of a row: `line 7`.

    `share` is the part of its file, 0 to 1, that has been read with it; NaN where that is not known.
    """

    rows: int
    columns: Mapping[int, pa.Array]
    place: Callable[[int], str]
    share: float = math.nan


class RawFile(Protocol):
    """A file that has been opened so far that its columns are known."""

    @property
    def names(self) -> Sequence[str]:
        """Of the columns, in the file's order; a name may stand there twice."""

    @property
    def is_csv(self) -> bool:
        """Whether its cells are texts between separators."""

    def unread(self, name: str) -> tuple[str, bool] | None:
        """What a column holds that is neither numbers nor text, and whether it is a date or time; else None."""

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError when the file cannot be read to its end."""


# Each call of Arrow's takes its time.
_ROWS_AT_ONCE = 4_000


class Gathered:
    """Cells of columns on their way to who takes them, by thousands: of a wide file, a piece has few rows."""

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
        """All that waits."""
        import pyarrow as pa

        for name, cells in self._waiting.items():
            alike = len({piece.type for piece in cells}) == 1
            for taken in [pa.concat_arrays(cells)] if alike and len(cells) > 1 else cells:
                self._take(name, taken)
        self._waiting.clear()
        self._rows = 0
