"""Every column of a file as texts, before anybody has described it."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from housing.data.csv_file import SEPARATORS, opened
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, listed, repeated, shown
from housing.data.looks import MOMENTS_WAY_OUT
from housing.data.number_columns import NumberCells, NumberColumn
from housing.data.pieces import RawFile
from housing.data.raw_files import Format, format_of, found
from housing.data.selection import Places
from housing.data.source_spec import Source
from housing.data.text_columns import TextCells, TextColumn
from housing.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_LONGEST_START = 100_000
_BLOCK_BYTES = 1 << 20
# Of a wide file, a block has few rows; each call of Arrow's takes its time.
_ROWS_AT_ONCE = 4_000


@dataclass(frozen=True)
class FileTexts:
    """Columns as texts; `unread` are those of types that are never features, and why.

    `names` are those of all columns. Of `numbers` there are no texts: they are plain numbers. `place` names the row of
    an index; `form` is None for what is no CSV, `format` for a database.
    """

    path: Path
    format: Format | None
    form: CsvFormat | None
    names: Sequence[str]
    columns: Mapping[str, TextColumn]
    place: Callable[[int], str]
    unread: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, NumberColumn] = field(default_factory=dict)

    @property
    def separator(self) -> str | None:
        """Of a CSV's columns; None for Parquet."""
        return self.form.separator if self.form else None


def read_texts(
    source: Source,
    separator: str | None,
    *,
    sheet: str | None = None,
    label: str = "",
    as_numbers: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> FileTexts:
    """All of a source; CSV without a separator is cut by the likeliest one. Raises DataError.

    Files are read to tell columns of plain numbers, unless they are not wanted `as_numbers`, and once more for the
    texts of the others; a database is asked once. `progress` is called with the rows that have been read.
    """
    where = found(source)
    kind = format_of(where.parts[0].path) if where.parts else None
    form = _likeliest(where.parts[0].path, separator) if kind == "csv" else None
    once = where.sql is not None or kind == "excel"
    reading = _Reading(label, quick=as_numbers, once=once, progress=progress)
    files = list(where.files(kind, form or CsvFormat(), Faults(where.text), sheet=sheet))
    for file, faults in files:
        reading.add(file, faults)
    if not reading.places.rows:
        raise DataError(f"{where.text}: there are no rows{' below the header' if form else ''}")
    if as_numbers and not once:
        for file, faults in files:
            reading.add_texts(file, faults)
    columns = reading.columns()
    return FileTexts(
        Path(where.text), kind, form, reading.names, columns, reading.places, reading.unread, reading.numbers
    )


class _Reading:
    """The columns of one file after another, all of which must have the same."""

    def __init__(self, label: str, *, quick: bool, once: bool, progress: Callable[[int], None]) -> None:
        """`quick`: columns of numbers are told as such. `once`: there is no second reading for the texts of others."""
        self._first = ""
        self._label = label
        self._progress = progress
        self._cells: dict[str, NumberCells] = {}
        self._waiting: dict[str, list[pa.Array]] = {}
        self._quick = quick
        self._once = once
        self._kept: dict[str, list[pa.Array]] = {}
        self._texts: dict[str, TextCells] = {}
        self.names: list[str] = []
        self.unread: dict[str, str] = {}
        self.places = Places()

    @cached_property
    def numbers(self) -> dict[str, NumberColumn]:
        """What is told of columns of numbers, once all has been read."""
        found = {name: column for name, cells in self._cells.items() if (column := cells.column())}
        # Two numbers may be levels.
        if self._label in found and found[self._label].distinct <= 2:
            del found[self._label]
        return found

    def add_texts(self, file: RawFile, faults: Faults) -> None:
        """Take the texts of columns that are not told as numbers."""
        rest = {place: name for place, name in enumerate(file.names) if self._is_of_texts(name)}
        if not rest:
            return
        rows = 0
        for piece in file.pieces(list(rest)):
            rows += piece.rows
            for position, cells in piece.columns.items():
                self._texts.setdefault(rest[position], TextCells()).add(cells)
            self._progress(rows)
        if any(cells.rows > self.places.rows for cells in self._texts.values()):
            raise DataError(f"{faults.source}: has changed while it was read; describe it once it is whole")

    def columns(self) -> dict[str, TextColumn]:
        """The texts of all columns that are not told as numbers."""
        for name, pieces in self._kept.items():
            if self._is_of_texts(name):
                for cells in pieces:
                    self._texts.setdefault(name, TextCells()).add(cells)
        none = TextColumn.empty(self.places.rows)
        return {
            name: self._texts[name].column() if name in self._texts else none
            for name in self.names
            if name not in self.numbers
        }

    def _is_of_texts(self, name: str) -> bool:
        return name not in self.numbers and name not in self.unread

    def add(self, file: RawFile, faults: Faults) -> None:
        names = list(file.names)
        for name in repeated(names):
            faults.add("column names used more than once", example=shown(name), way_out="rename one")
        if not file.is_csv:  # which cannot be read by names that are not unique
            faults.raise_any()
        if not self.names:
            self._first = faults.source
            self.names = list(dict.fromkeys(names))
            if self._quick:
                self._cells = {name: NumberCells(keeps_values=name == self._label) for name in names}
        elif set(names) != set(self.names):
            odd = sorted(set(names) ^ set(self.names))
            first = Path(self._first).name
            raise DataError(f"{faults.source}: its columns are not those of {first}: {listed(odd)} is in one of them")
        self._note_unread(file)
        waiting = 0
        for piece in file.pieces([place for place, name in enumerate(names) if name not in self.unread]):
            self.places.add(piece.rows, None, piece.place)
            for position, cells in piece.columns.items():
                name = names[position]
                if not self._quick:
                    self._texts.setdefault(name, TextCells()).add(cells)
                    continue
                if self._once:
                    self._kept.setdefault(name, []).append(cells)
                if name in self._cells:
                    self._waiting.setdefault(name, []).append(cells)
            waiting += piece.rows
            if waiting >= _ROWS_AT_ONCE:
                self._tell_numbers()
                waiting = 0
            self._progress(self.places.rows)
        self._tell_numbers()
        faults.raise_any()

    def _tell_numbers(self) -> None:
        import pyarrow as pa

        for name, cells in self._waiting.items():
            alike = len({piece.type for piece in cells}) == 1
            if not all(map(self._cells[name].takes, [pa.concat_arrays(cells)] if alike else cells)):
                del self._cells[name]
        self._waiting.clear()

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
