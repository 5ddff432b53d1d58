"""Every column of a file as texts, before anybody has described it."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from housing.data.collectors import texts_of
from housing.data.csv_file import SEPARATORS, CsvFile, opened
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, repeated, shown
from housing.data.locations import located
from housing.data.looks import MOMENTS_WAY_OUT
from housing.data.selection import Places
from housing.errors import DataError

_LONGEST_START = 100_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileTexts:
    """Columns as texts, None for missing; `unread` are those of types that are never features, and why.

    `place` names the row of an index; `form` is None for Parquet.
    """

    path: Path
    form: CsvFormat | None
    columns: Mapping[str, Sequence[str | None]]
    place: Callable[[int], str]
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def separator(self) -> str | None:
        """Of a CSV's columns; None for Parquet."""
        return self.form.separator if self.form else None


def read_texts(source: str, separator: str | None) -> FileTexts:
    """Read a CSV (also gzipped) or Parquet file; without a separator, the likeliest. Raises DataError."""
    path = located(source)
    with opened(path) as start:
        is_parquet = start.peek(4)[:4] == b"PAR1"
    if is_parquet:
        return _parquet_file(path)
    encoding = _encoding(path)
    with opened(path) as file:
        # Bounded: one line may be all of the file.
        beginning = b"".join(file.readline(_LONGEST_START) for _ in range(40))
    text = beginning.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace").replace("\0", "")
    lines = text.splitlines()
    comment = "#" if lines and lines[0].startswith("#") and len(lines) > 1 else None
    rows = [line for line in lines if comment is None or not line.startswith(comment)]
    return _csv_file(path, CsvFormat(separator or _separator(rows[:20]), encoding, comment))


def _encoding(path: Path) -> str:
    """UTF-8, unless a mark says UTF-16 or all of the file is Windows's Western text and not UTF-8."""
    with opened(path) as file:
        if file.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
    return next((encoding for encoding in ("utf-8", "cp1252") if _decodes(path, encoding)), "utf-8")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with opened(path) as file:
        try:
            for block in iter(partial(file.read, _BLOCK_BYTES), b""):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _separator(start: Sequence[str]) -> str:
    """The one that cuts the first lines into equally many columns, at least two."""

    def fit(separator: str) -> tuple[bool, float, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(start, delimiter=separator) if row)
        except csv.Error:  # what the file really is, is told when its rows are read
            return False, 0, 0
        width, lines = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        return width > 1, lines / max(1, widths.total()), width

    return max(SEPARATORS, key=fit)


def _csv_file(path: Path, form: CsvFormat) -> FileTexts:
    faults = Faults(str(path))
    file = CsvFile(path, form, faults)
    places = Places()
    columns: list[list[str | None]] = [[] for _ in file.names]
    for piece in file.pieces(range(len(columns))):
        places.add(piece.rows, None, piece.place)
        for position, column in enumerate(columns):
            column.extend(piece.columns[position].to_pylist())
    _note_repeated(file.names, faults)
    if not columns[0]:
        faults.add("there are no rows below the header")
    faults.raise_any()
    return FileTexts(path, form, dict(zip(file.names, columns, strict=True)), places)


def _parquet_file(path: Path) -> FileTexts:
    from housing.data.parquet_file import ParquetFile

    file = ParquetFile(path)
    faults = Faults(str(path))
    _note_repeated(file.names, faults)
    faults.raise_any()
    columns: dict[str, list[str | None]] = {name: [] for name in file.names}
    unread = {}
    for name in file.names:
        if found := file.unread(name):
            kind, is_moment = found
            unread[name] = f"holds {kind}" + (f": dates or times; {MOMENTS_WAY_OUT}" if is_moment else "")
    places = Places()
    for piece in file.pieces([place for place, name in enumerate(file.names) if name not in unread]):
        places.add(piece.rows, None, piece.place)
        for position, cells in piece.columns.items():
            columns[file.names[position]].extend(texts_of(cells))
    if not places.rows:
        raise DataError(f"{path}: there are no rows")
    return FileTexts(path, None, columns, places, unread)


def _note_repeated(names: Sequence[str], faults: Faults) -> None:
    for name in repeated(names):
        faults.add("column names used more than once", example=shown(name), way_out="rename one")
