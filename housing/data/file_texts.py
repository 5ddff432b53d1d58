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
from housing.data.csv_file import SEPARATORS, opened
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, listed, repeated, shown
from housing.data.looks import MOMENTS_WAY_OUT
from housing.data.pieces import RawFile
from housing.data.raw_files import Format, format_of, found
from housing.data.selection import Places
from housing.data.source_spec import Source
from housing.errors import DataError

_LONGEST_START = 100_000
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileTexts:
    """Columns as texts, None for missing; `unread` are those of types that are never features, and why.

    `place` names the row of an index; `form` is None for what is no CSV, `format` for a database.
    """

    path: Path
    format: Format | None
    form: CsvFormat | None
    columns: Mapping[str, Sequence[str | None]]
    place: Callable[[int], str]
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def separator(self) -> str | None:
        """Of a CSV's columns; None for Parquet."""
        return self.form.separator if self.form else None


def read_texts(source: Source, separator: str | None, *, sheet: str | None = None) -> FileTexts:
    """All of a source; CSV without a separator is cut by the likeliest one. Raises DataError."""
    where = found(source)
    kind = format_of(where.parts[0].path) if where.parts else None
    form = _likeliest(where.parts[0].path, separator) if kind == "csv" else None
    reading = _Reading()
    for file, faults in where.files(kind, form or CsvFormat(), Faults(where.text), sheet=sheet):
        reading.add(file, faults)
    if not reading.places.rows:
        raise DataError(f"{where.text}: there are no rows{' below the header' if form else ''}")
    return FileTexts(Path(where.text), kind, form, reading.columns, reading.places, reading.unread)


class _Reading:
    """The columns of one file after another, all of which must have the same."""

    def __init__(self) -> None:
        self._first = ""
        self.columns: dict[str, list[str | None]] = {}
        self.unread: dict[str, str] = {}
        self.places = Places()

    def add(self, file: RawFile, faults: Faults) -> None:
        names = list(file.names)
        for name in repeated(names):
            faults.add("column names used more than once", example=shown(name), way_out="rename one")
        if not file.is_csv:  # which cannot be read by names that are not unique
            faults.raise_any()
        if not self.columns:
            self._first = faults.source
            self.columns = {name: [] for name in names}
        elif set(names) != set(self.columns):
            odd = sorted(set(names) ^ set(self.columns))
            first = Path(self._first).name
            raise DataError(f"{faults.source}: its columns are not those of {first}: {listed(odd)} is in one of them")
        self._note_unread(file)
        for piece in file.pieces([place for place, name in enumerate(names) if name not in self.unread]):
            self.places.add(piece.rows, None, piece.place)
            for position, cells in piece.columns.items():
                texts = cells.to_pylist() if is_text(cells.type) else texts_of(cells)
                self.columns[names[position]].extend(texts)
        faults.raise_any()

    def _note_unread(self, file: RawFile) -> None:
        for name in dict.fromkeys(file.names):
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
