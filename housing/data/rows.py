"""Raw rows of a user's file as text, for an endpoint that reads and checks them itself."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from housing.data.collectors import is_text, texts_of
from housing.data.csv_file import CsvFile, opened
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, listed, repeated
from housing.data.file_parts import FilePart, PartOfMany, file_parts
from housing.data.header import check_separator
from housing.data.number_format import PLAIN, NumberFormat
from housing.data.pieces import RawFile
from housing.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa


def csv_pieces(
    source: str,
    *,
    rows_a_piece: int,
    form: CsvFormat | None = None,
    numbers: NumberFormat = PLAIN,
    columns: Collection[str] = (),
) -> Iterator[str]:
    """Rows as comma-separated texts with a header, in the source's order: a file, a folder or a pattern.

    CSV (also gzipped) or Parquet is read once to the end before the first piece, and again for the pieces, so that it
    may be larger than memory. Raises DataError before the first piece when it cannot be read, has rows of unequal
    length, has no rows, or has none of the `columns` until it is read with another separator.
    """
    form = form or CsvFormat()
    files = [_opened(part, form, columns) for part in file_parts(source)]
    names = files[0][0].names
    rows = 0
    for file, faults, path in files:
        if list(file.names) != list(names):
            raise DataError(f"{path}: its columns are not those of {files[0][2].name}; it has {listed(file.names)}")
        rows += sum(piece.rows for piece in file.pieces(range(len(names))))
        faults.raise_any()
    if not rows:
        raise DataError(f"{source}: there are no rows to predict")
    return _texts([file for file, _, _ in files], rows_a_piece, numbers)


def _opened(part: FilePart, form: CsvFormat, columns: Collection[str]) -> tuple[RawFile, Faults, Path]:
    path, faults = part.path, Faults(str(part.path))
    with opened(path) as start:
        is_parquet = start.peek(4)[:4] == b"PAR1"
    file: RawFile
    if is_parquet:
        from housing.data.parquet_file import ParquetFile

        file = ParquetFile(path)
        if twice := repeated(file.names):
            raise DataError(f"{path}: column names used more than once: {listed(twice)}; rename one")
    else:
        file = CsvFile(path, form, faults)
        check_separator(path, file.names, columns, form.separator)
    return (PartOfMany(file, part) if part.values else file), faults, path


def _texts(files: Sequence[RawFile], rows_a_piece: int, numbers: NumberFormat) -> Iterator[str]:
    rows = chain.from_iterable(chain.from_iterable(_rows(file, numbers) for file in files))
    while some := list(islice(rows, rows_a_piece)):
        yield _text(files[0].names, some)


def _rows(file: RawFile, numbers: NumberFormat) -> Iterator[Iterator[Sequence[str]]]:
    for piece in file.pieces(range(len(file.names))):
        columns = [_cells(cells, numbers) for _, cells in sorted(piece.columns.items())]
        yield zip(*([cell or "" for cell in cells] for cells in columns), strict=True)


def _cells(cells: pa.Array, numbers: NumberFormat) -> Sequence[str | None]:
    if is_text(cells.type):
        return cast(Sequence["str | None"], cells.to_pylist())
    return [None if text is None else numbers.of_plain(text) for text in texts_of(cells)]


def _text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
