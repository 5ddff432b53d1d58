"""A Parquet file as columns of Python values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from housing.errors import DataError


class ParquetColumns:
    """The columns of a Parquet file; one is decoded when it is asked for. Raises DataError on a damaged file."""

    def __init__(self, path: Path) -> None:
        import pyarrow.lib
        from pyarrow import parquet

        self._errors = (pyarrow.lib.ArrowException, OSError)
        self._path = path
        try:
            # Not by read_table, which knows no file that has a column's name twice.
            with parquet.ParquetFile(path) as file:
                self._table = file.read(use_threads=False)
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

    def unread(self, name: str) -> tuple[str, bool] | None:
        """The type of a column that is neither numbers nor text, and whether it is a date or time; else None."""
        from pyarrow import types

        kind = self._table.schema.field(name).type
        if types.is_dictionary(kind):
            kind = kind.value_type
        if types.is_temporal(kind):
            return str(kind), True
        plain = (
            types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_string,
            types.is_large_string, types.is_string_view, types.is_null,
        )  # fmt: skip
        return None if any(is_kind(kind) for is_kind in plain) else (_type_name(kind), False)

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


def _type_name(kind: Any) -> str:
    """As Arrow prints it, without the names of a list's elements."""
    text = re.sub(r"(?<=<)(element|item): ", "", str(kind))
    return repr(text if len(text) <= 80 else text[:77] + "...")[1:-1]
