"""Raw rows of a user's file as text, for an endpoint that reads and checks them itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from housing.data.cells import text_of
from housing.data.csv_file import header_and_chunks, opened
from housing.data.faults import Faults, listed, repeated
from housing.data.table import check_separator, located
from housing.errors import DataError


def csv_pieces(source: str, *, separator: str, rows_a_piece: int, columns: Collection[str] = ()) -> Iterator[str]:
    """The rows of a CSV (also gzipped) or Parquet file as comma-separated texts with a header, in the file's order.

    Raises DataError before the first piece when the file cannot be read, has rows of unequal length, has no rows, or
    has none of the `columns` until it is read with another separator.
    """
    path = located(source)
    with opened(path) as file:
        is_parquet = file.peek(4)[:4] == b"PAR1"
    header, rows = _from_parquet(path) if is_parquet else _from_csv(path, separator, columns)
    if not rows:
        raise DataError(f"{path}: there are no rows to predict")
    return (_text(header, rows[start : start + rows_a_piece]) for start in range(0, len(rows), rows_a_piece))


def _from_csv(path: Path, separator: str, known: Collection[str]) -> tuple[list[str], Sequence[Sequence[str]]]:
    faults = Faults(str(path))
    with opened(path) as file:
        header, chunks = header_and_chunks(path, file, separator=separator, faults=faults)
        check_separator(path, header, known, separator)
        rows = [row for _, columns in chunks for row in zip(*columns, strict=True)]
    faults.raise_any()
    return header, rows


def _from_parquet(path: Path) -> tuple[list[str], Sequence[Sequence[str]]]:
    from housing.data.parquet_file import ParquetColumns

    file = ParquetColumns(path)
    if twice := repeated(file.names):
        raise DataError(f"{path}: column names used more than once: {listed(twice)}; rename one")
    columns = [["" if value is None else text_of(value) for value in file.cells(name)] for name in file.names]
    return file.names, list(zip(*columns, strict=True))


def _text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
