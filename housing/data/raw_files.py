"""What a file or database is read by: by the format that is declared, or that its first bytes show."""

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
    """Where a source lies: its files, or a database. `text` names it."""

    text: str
    parts: Sequence[FilePart] = ()
    sql: Sql | None = None

    def shares(self) -> Sequence[tuple[float, float]]:
        """For each of `files`, where it begins in the whole, 0 to 1, and how much of that it is, by bytes."""
        sizes = [_bytes_of(part.path) for part in self.parts] or [1]
        ends, whole = accumulate(sizes), sum(sizes)
        return [((end - size) / whole, size / whole) for end, size in zip(ends, sizes, strict=True)]

    def files(
        self, kind: Format | None, form: CsvFormat, faults: Faults, *, sheet: str | None = None
    ) -> Iterator[tuple[RawFile, Faults]]:
        """Each one, opened, and what its rows are noted in: `faults` of the only one, or its own.

        Without a `kind` each is what it looks like. Raises DataError.
        """
        if self.sql is not None:
            from housing.data.sql_rows import sql_rows

            yield sql_rows(self.sql), faults
        for part in self.parts:
            own = faults if len(self.parts) == 1 else Faults(str(part.path))
            file = open_file(part.path, kind or format_of(part.path), form, sheet=sheet, faults=own)
            yield (PartOfMany(file, part) if len(self.parts) > 1 or part.values else file), own


def found(source: Source) -> RawSource:
    """Raises DataError, or CloudError for what cannot be fetched."""
    text = source_text(source)
    if isinstance(source, Elsewhere) and source.sql is not None:
        return RawSource(text, sql=source.sql)
    if isinstance(source, Elsewhere):
        assert source.parts is not None  # or else it is refused
        given = source.parts.named.items()
        parts = [part.of(name) for name, files in given for part in file_parts(files)]
        if twice := repeated(part.path for part in parts):
            raise DataError(f"{twice[0]}: source.parts names this file more than once; a row belongs to one part")
        return RawSource(text, parts)
    parts = list(file_parts(source))
    return RawSource(str(parts[0].path) if len(parts) == 1 else text, parts)


def open_file(path: Path, kind: Format, form: CsvFormat, *, sheet: str | None, faults: Faults) -> RawFile:
    """Raises DataError when it is not what it is said to be."""
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
    """By its first bytes; CSV where they show nothing else. Raises DataError when there are none to be read."""
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
    with suppress(OSError):  # whoever opens it says what is wrong
        return max(1, path.stat().st_size)
    return 1


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        return False
