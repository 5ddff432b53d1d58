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
