"""A Parquet file as pieces of Arrow arrays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from housing.data.pieces import Piece
from housing.errors import DataError

_ROWS_A_PIECE, _FEWEST_ROWS = 64_000, 2_000
_CELLS_A_PIECE = 8_000_000
PIECE_BY_PIECE: Mapping[str, Any] = {"pre_buffer": False, "buffer_size": 1 << 16}
"""Options that keep Arrow from buffering all of a file until its last rows are read."""


class ParquetFile:
    """A Parquet file, read when its rows are asked for. Raises DataError on a damaged one."""

    is_csv = False

    def __init__(self, path: Path) -> None:
        from pyarrow import parquet

        self._path = path
        self._file = self._translated(lambda: parquet.ParquetFile(path, **PIECE_BY_PIECE))
        self._schema = self._file.schema_arrow

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns."""
        return list(self._schema.names)

    @property
    def rows(self) -> int:
        """The number of rows, from the footer."""
        return int(self._file.metadata.num_rows)

    def unread(self, name: str) -> tuple[str, bool] | None:
        """The type of a column that is neither numbers nor text, and whether it is a date or time; else None."""
        return unread(self._schema.field(name).type)

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError."""
        names = {position: self._schema.names[position] for position in wanted}
        for name in names.values():
            if (found := self.unread(name)) and not found[1]:
                raise DataError(f"{self._path}: column {name!r} holds {found[0]}, not numbers or text")
        rows = max(_FEWEST_ROWS, min(_ROWS_A_PIECE, _CELLS_A_PIECE // max(1, len(names))))
        batches = self._translated(lambda: self._file.iter_batches(rows, columns=list(names.values())))
        done, whole = 0, max(1, self.rows)
        while (batch := self._translated(lambda: next(batches, None))) is not None:
            columns = {position: plain(batch.column(name)) for position, name in names.items()}
            yield Piece(batch.num_rows, columns, partial(_place, done), (done + batch.num_rows) / whole)
            done += batch.num_rows

    def _translated(self, act: Any) -> Any:
        from pyarrow import lib

        try:
            return act()
        except FileNotFoundError:
            raise
        except (lib.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise DataError(
                f"{self._path}: is not a whole Parquet file ({reason}); write it again, or set format: csv if it is one"
            ) from None


def plain(cells: Any) -> Any:
    """An array without dictionary encoding."""
    from pyarrow import types

    return cells.cast(cells.type.value_type) if types.is_dictionary(cells.type) else cells


def unread(kind: Any) -> tuple[str, bool] | None:
    """The name of an Arrow type that cannot be read, and whether it is a date or time; None for one that can."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_date(kind) or types.is_timestamp(kind):
        return None
    if types.is_temporal(kind):
        return str(kind), True
    known = (
        types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_string,
        types.is_large_string, types.is_string_view, types.is_null,
    )  # fmt: skip
    return None if any(is_kind(kind) for is_kind in known) else (_type_name(kind), False)


def _place(done: int, row: int) -> str:
    return f"row {done + row + 1}"


def _type_name(kind: Any) -> str:
    """As Arrow prints it, without the names of a list's elements."""
    text = re.sub(r"(?<=<)(element|item): ", "", str(kind))
    return repr(text if len(text) <= 80 else text[:77] + "...")[1:-1]
