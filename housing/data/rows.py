"""Raw rows of a user's file as text, for an endpoint that parses and checks them."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from housing.data import plain_lines
from housing.data.collectors import is_text, texts_of
from housing.data.csv_file import CsvFile
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, listed, repeated
from housing.data.header import check_separator
from housing.data.number_format import PLAIN, NumberFormat
from housing.data.pieces import RawFile
from housing.data.raw_files import found
from housing.data.source_spec import Files
from housing.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

# An endpoint takes 6 MB, and rows that are encoded on the way to it may become longer.
_MOST_BYTES = 2 << 20


@dataclass(frozen=True)
class RawRows:
    """Rows of files that were read once to their end, and found to be suitable for an endpoint.

    `lines` are what its only file has, where each of its lines is a row as it stands.
    """

    files: Sequence[RawFile]
    paths: Sequence[Path]
    rows: int
    numbers: NumberFormat
    lines: plain_lines.PlainLines | None = None

    def pieces(self, rows_a_piece: int, *, after: int = 0) -> Iterator[str]:
        """The rows behind the first so many, as comma-separated texts with a header, in the source's order.

        Fewer in a piece where they are so long that an endpoint would refuse it.
        """
        first = self.files[0]
        if self.lines is not None and isinstance(first, CsvFile):
            row_bytes = self.lines.size / self.lines.rows
            rows = max(1, min(rows_a_piece, int(_MOST_BYTES / row_bytes)))
            blocks = first.plain_blocks(int(rows * row_bytes) + 1)
            header = _text(first.names, [])
            return (header + piece.decode() for piece in plain_lines.pieces(blocks, rows, after=after))
        return _texts(self.files, rows_a_piece, self.numbers, after)


def csv_pieces(
    source: Files,
    *,
    rows_a_piece: int,
    form: CsvFormat | None = None,
    numbers: NumberFormat = PLAIN,
    columns: Collection[str] = (),
    sheet: str | None = None,
) -> Iterator[str]:
    """All `raw_rows` as CSV texts. Raises DataError before the first piece."""
    return raw_rows(source, form=form, numbers=numbers, columns=columns, sheet=sheet).pieces(rows_a_piece)


def raw_rows(
    source: Files,
    *,
    form: CsvFormat | None = None,
    numbers: NumberFormat = PLAIN,
    columns: Collection[str] = (),
    sheet: str | None = None,
) -> RawRows:
    """The rows of a file, a folder, a pattern, or in S3: CSV, JSON lines, Parquet, Arrow or a sheet of Excel.

    They are read to their end here, and again for their pieces, so that they may be larger than memory. Raises
    DataError where they cannot be read, differ in length, there are none, or only another separator would yield any of
    the `columns`.
    """
    form = form or CsvFormat()
    where = found(source)
    files: list[RawFile] = []
    noted: list[Faults] = []
    for file, faults in where.files(None, form, Faults(where.text), sheet=sheet):
        if file.is_csv:
            check_separator(faults.source, file.names, columns, form.separator)
        elif twice := repeated(file.names):
            raise DataError(f"{faults.source}: column names used more than once: {listed(twice)}; rename one")
        if files and list(file.names) != list(files[0].names):
            first = Path(noted[0].source).name
            raise DataError(f"{faults.source}: its columns are not those of {first}; it has {listed(file.names)}")
        files.append(file)
        noted.append(faults)
    only = files[0] if len(files) == 1 else None
    lines = only.plain_lines() if isinstance(only, CsvFile) else None
    rows = sum(map(_checked, files, noted)) if lines is None else lines.rows
    if not rows:
        raise DataError(f"{where.text}: there are no rows to predict")
    return RawRows(files, [part.path for part in where.parts], rows, numbers, lines)


def _checked(file: RawFile, faults: Faults) -> int:
    """How many rows it has. Raises DataError."""
    # Of CSV, whose cells are texts whatever they hold, one column tells whether there are rows of each length.
    rows = sum(piece.rows for piece in file.pieces([0] if file.is_csv else range(len(file.names))))
    faults.raise_any()
    return rows


def _texts(files: Sequence[RawFile], rows_a_piece: int, numbers: NumberFormat, after: int) -> Iterator[str]:
    rows = islice(chain.from_iterable(chain.from_iterable(_rows(file, numbers) for file in files)), after, None)
    while some := list(islice(rows, rows_a_piece)):
        yield from _bounded(files[0].names, some)


def _bounded(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    text = _text(names, rows)
    if len(rows) == 1 or len(text) <= _MOST_BYTES // 4 or len(text.encode()) <= _MOST_BYTES:
        yield text
    else:
        for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
            yield from _bounded(names, half)


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
