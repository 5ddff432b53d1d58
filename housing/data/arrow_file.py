"""An Arrow file (IPC, also called Feather) or stream, as pieces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from housing.data.parquet_file import plain, unread
from housing.data.pieces import Piece
from housing.errors import DataError

_ROWS_A_PIECE = 64_000
_MAGIC = b"ARROW1"

T = TypeVar("T")


class ArrowFile:
    """An Arrow file or stream, whose rows are read by `pieces`. Raises DataError on a damaged one."""

    is_csv = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schema = self._translated(lambda: self._opened().schema)

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns."""
        return list(self._schema.names)

    def unread(self, name: str) -> tuple[str, bool] | None:
        """See `RawFile`."""
        return unread(self._schema.field(self._schema.names.index(name)).type)

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError."""
        for position in wanted:
            if (found := unread(self._schema.field(position).type)) and not found[1]:
                name = self._schema.names[position]
                raise DataError(f"{self._path}: column {name!r} holds {found[0]}, not numbers or text")
        batches = self._translated(self._batches)
        done = 0
        while (batch := self._translated(lambda: next(batches, None))) is not None:
            for start in range(0, batch.num_rows, _ROWS_A_PIECE):
                some = batch.slice(start, _ROWS_A_PIECE)
                columns = {position: plain(some.column(position)) for position in wanted}
                yield Piece(some.num_rows, columns, partial(_place, done + start))
            done += batch.num_rows

    def _batches(self) -> Iterator[Any]:
        reader = self._opened()
        if not hasattr(reader, "num_record_batches"):
            yield from reader
            return
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)

    def _opened(self) -> Any:
        import pyarrow as pa
        from pyarrow import ipc

        # No memory map: a file truncated while it is read would kill the process.
        file = pa.OSFile(str(self._path))
        is_file = file.read(len(_MAGIC)) == _MAGIC
        file.seek(0)
        return ipc.open_file(file) if is_file else ipc.open_stream(file)

    def _translated(self, act: Callable[[], T]) -> T:
        from pyarrow import lib

        try:
            return act()
        except (lib.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise DataError(
                f"{self._path}: is not a whole Arrow file ({reason}); write it again, or set format to what it is"
            ) from None


def _place(done: int, row: int) -> str:
    return f"row {done + row + 1}"
