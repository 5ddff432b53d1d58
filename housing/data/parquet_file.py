"""A Parquet file as columns of Python values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from housing.errors import DataError


class ParquetColumns:
    """The columns of a Parquet file; one is decoded when it is asked for. Raises DataError on a damaged file."""

    def __init__(self, path: Path) -> None:
        import pyarrow.lib
        from pyarrow import parquet

        self._errors = (pyarrow.lib.ArrowException, OSError)
        self._path = path
        try:
            self._table = parquet.read_table(path, use_threads=False)
        except FileNotFoundError:
            raise
        except self._errors as error:
            raise DataError(self._reason(error)) from None

    @property
    def names(self) -> list[str]:
        return list(self._table.column_names)

    @property
    def rows(self) -> int:
        return int(self._table.num_rows)

    def cells(self, name: str) -> Sequence[object]:
        """Values of one column; None where it is null."""
        from pyarrow import types

        column = self._table.column(name)
        if types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if types.is_nested(column.type) or types.is_binary(column.type):
            raise DataError(f"{self._path}: column {name!r} holds {column.type}, not numbers or text")
        return list(column.to_pylist())

    def _reason(self, error: BaseException) -> str:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return f"{self._path}: is not a whole Parquet file ({reason}); write it again, or set format: csv if it is one"
