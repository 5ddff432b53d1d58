"""Opens the files or the database of a source, by the declared format, or the one that the first bytes show."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal

from housing.data.csv_file import CsvFile, opened
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, repeated
from housing.data.file_parts import FilePart, PartOfMany, file_parts
from housing.data.pieces import RawFile
from housing.data.source_spec import Elsewhere, Source, Sql, source_text
from housing.data.sources import is_json_lines
from housing.errors import DataError

Format = Literal["csv", "parquet", "jsonl", "arrow", "excel"]


@dataclass(frozen=True)
class RawSource:
    """A located source: its files, or a database. `text` names it in messages."""

    text: str
    parts: Sequence[FilePart] = ()
    sql: Sql | None = None

    def shares(self) -> Sequence[tuple[float, float]]:
        """For each of `files`, its start and its size as shares, 0 to 1, of the bytes of all files."""
        sizes = [_bytes_of(part.path) for part in self.parts] or [1]
        ends, whole = accumulate(sizes), sum(sizes)
        return [((end - size) / whole, size / whole) for end, size in zip(ends, sizes, strict=True)]

    def files(
        self, kind: Format | None, form: CsvFormat, faults: Faults, *, sheet: str | None = None
    ) -> Iterator[tuple[RawFile, Faults]]:
        """Each file, opened, with the collector of its faults: `faults` for a single file, else its own.

        Without `kind`, each file's format is detected. Raises DataError.
        """
        if self.sql is not None:
            from housing.data.sql_rows import sql_rows

            yield sql_rows(self.sql), faults
        for part in self.parts:
            own = faults if len(self.parts) == 1 else Faults(str(part.path))
            file = open_file(part.path, kind or format_of(part.path), form, sheet=sheet, faults=own)
            yield (PartOfMany(file, part) if len(self.parts) > 1 or part.values else file), own


def found(source: Source) -> RawSource:
    """Locate a source. Raises DataError, or CloudError for what cannot be fetched."""
    text = source_text(source)
    if isinstance(source, Elsewhere) and source.sql is not None:
        return RawSource(text, sql=source.sql)
    if isinstance(source, Elsewhere):
        assert source.parts is not None  # a source with neither is refused
        given = source.parts.named.items()
        parts = [part.of(name) for name, files in given for part in file_parts(files)]
        if twice := repeated(part.path for part in parts):
            raise DataError(f"{twice[0]}: source.parts names this file more than once; a row belongs to one part")
        return RawSource(text, parts)
    parts = list(file_parts(source))
    return RawSource(str(parts[0].path) if len(parts) == 1 else text, parts)


def open_file(path: Path, kind: Format, form: CsvFormat, *, sheet: str | None, faults: Faults) -> RawFile:
    """Open a file as this format. Raises DataError when it is not in it."""
    match kind:
        case "csv":
            return CsvFile(path, form, faults)
        case "parquet":
            from housing.data.parquet_file import ParquetFile

            return ParquetFile(path)
        case "arrow":
            from housing.data.arrow_file import ArrowFile

            return ArrowFile(path)
        case "jsonl":
            from housing.data.json_lines_file import JsonLinesFile

            return JsonLinesFile(path, faults)
        case "excel":
            from housing.data.excel_file import ExcelFile

            return ExcelFile(path, sheet)


def format_of(path: Path) -> Format:
    """The format by the first bytes; CSV where they show no other. Raises DataError when the file cannot be read."""
    with opened(path) as file:
        start = file.peek(4096)
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if start.startswith(b"PK\x03\x04") and _is_workbook(path):
        return "excel"
    return "jsonl" if is_json_lines(start) else "csv"


def _bytes_of(path: Path) -> int:
    with suppress(OSError):  # reported when it is opened
        return max(1, path.stat().st_size)
    return 1


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return False
