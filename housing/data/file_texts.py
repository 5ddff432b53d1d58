"""Every column of a file as texts, before anybody has described it."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from housing.data.collectors import is_text, texts_of
from housing.data.csv_file import SEPARATORS, CsvFile, opened
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, listed, repeated, shown
from housing.data.file_parts import PartOfMany, file_parts
from housing.data.looks import MOMENTS_WAY_OUT
from housing.data.parquet_file import ParquetFile
from housing.data.pieces import RawFile
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
    """Read CSV (also gzipped) or Parquet, of one file or many; without a separator, the likeliest. Raises DataError."""
    parts = file_parts(source)
    first = parts[0].path
    with opened(first) as start:
        is_parquet = start.peek(4)[:4] == b"PAR1"
    form = None if is_parquet else _likeliest(first, separator)
    is_one = len(parts) == 1 and not parts[0].values
    reading = _Reading(first)
    for part in parts:
        faults = Faults(str(part.path))
        file: RawFile = ParquetFile(part.path) if form is None else CsvFile(part.path, form, faults)
        reading.add(file if is_one else PartOfMany(file, part), part.path, faults)
    if not reading.places.rows:
        raise DataError(f"{first if is_one else source}: there are no rows{' below the header' if form else ''}")
    path = first if is_one else Path(source)
    return FileTexts(path, form, reading.columns, reading.places, reading.unread)


class _Reading:
    """The columns of one file after another, all of which must have the same."""

    def __init__(self, first: Path) -> None:
        self._first = first
        self.columns: dict[str, list[str | None]] = {}
        self.unread: dict[str, str] = {}
        self.places = Places()

    def add(self, file: RawFile, path: Path, faults: Faults) -> None:
        names = list(file.names)
        for name in repeated(names):
            faults.add("column names used more than once", example=shown(name), way_out="rename one")
        if isinstance(file, ParquetFile):  # which cannot be read by names that are not unique
            faults.raise_any()
        if not self.columns:
            self.columns = {name: [] for name in names}
        elif set(names) != set(self.columns):
            odd = sorted(set(names) ^ set(self.columns))
            raise DataError(f"{path}: its columns are not those of {self._first.name}: {listed(odd)} is in one of them")
        self._note_unread(file)
        for piece in file.pieces([place for place, name in enumerate(names) if name not in self.unread]):
            self.places.add(piece.rows, None, piece.place)
            for position, cells in piece.columns.items():
                texts = cells.to_pylist() if is_text(cells.type) else texts_of(cells)
                self.columns[names[position]].extend(texts)
        faults.raise_any()

    def _note_unread(self, file: RawFile) -> None:
        if not isinstance(file, ParquetFile | PartOfMany):
            return
        for name in file.names:
            if found := file.unread(name):
                kind, is_moment = found
                self.unread[name] = f"holds {kind}" + (f": dates or times; {MOMENTS_WAY_OUT}" if is_moment else "")


def _likeliest(path: Path, separator: str | None) -> CsvFormat:
    """How a CSV file is to be cut."""
    encoding = _encoding(path)
    with opened(path) as file:
        # Bounded: one line may be all of the file.
        beginning = b"".join(file.readline(_LONGEST_START) for _ in range(40))
    text = beginning.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace").replace("\0", "")
    lines = text.splitlines()
    comment = "#" if lines and lines[0].startswith("#") and len(lines) > 1 else None
    rows = [line for line in lines if comment is None or not line.startswith(comment)]
    return CsvFormat(separator or _separator(rows[:20]), encoding, comment)


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
