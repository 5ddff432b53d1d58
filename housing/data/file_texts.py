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

import numpy as np

from housing.data.collectors import is_text, texts_of
from housing.data.csv_file import SEPARATORS, opened
from housing.data.csv_format import CsvFormat
from housing.data.faults import Faults, listed, repeated, shown
from housing.data.looks import MOMENTS_WAY_OUT
from housing.data.number_columns import NumberCells, NumberColumn
from housing.data.pieces import RawFile
from housing.data.raw_files import Format, format_of, found
from housing.data.selection import Places
from housing.data.source_spec import Source
from housing.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

_LONGEST_START = 100_000
_BLOCK_BYTES = 1 << 20
# Of a wide file, a block has few rows; each call of Arrow's takes its time.
_ROWS_AT_ONCE = 4_000


@dataclass(frozen=True)
class FileTexts:
    """Columns as texts, None for missing; `unread` are those of types that are never features, and why.

    `names` are those of all columns. Of `numbers` there are no texts: they are plain numbers. `place` names the row of
    an index; `form` is None for what is no CSV, `format` for a database.
    """

    path: Path
    format: Format | None
    form: CsvFormat | None
    names: Sequence[str]
    columns: Mapping[str, Sequence[str | None]]
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

    CSV is read to tell columns of plain numbers, unless they are not wanted `as_numbers`, and once more for the texts
    of the others. `progress` is called with the rows that have been read.
    """
    where = found(source)
    kind = format_of(where.parts[0].path) if where.parts else None
    form = _likeliest(where.parts[0].path, separator) if kind == "csv" else None
    reading = _Reading(label, quick=as_numbers and form is not None, progress=progress)
    files = list(where.files(kind, form or CsvFormat(), Faults(where.text), sheet=sheet))
    for file, faults in files:
        reading.add(file, faults)
    if not reading.places.rows:
        raise DataError(f"{where.text}: there are no rows{' below the header' if form else ''}")
    if reading.quick:
        for file, faults in files:
            reading.add_texts(file, faults)
    return FileTexts(
        Path(where.text), kind, form, reading.names, reading.columns, reading.places, reading.unread, reading.numbers
    )


class _Reading:
    """The columns of one file after another, all of which must have the same."""

    def __init__(self, label: str, *, quick: bool, progress: Callable[[int], None]) -> None:
        self._first = ""
        self._label = label
        self._progress = progress
        self._cells: dict[str, NumberCells] = {}
        self._waiting: dict[str, list[pa.Array]] = {}
        self.quick = quick
        self.names: list[str] = []
        self.columns: dict[str, list[str | None]] = {}
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
        rest = {place: name for place, name in enumerate(file.names) if name not in self.numbers}
        if not rest:
            return
        self.columns = self.columns or {name: [] for name in self.names if name not in self.numbers}
        rows = 0
        for piece in file.pieces(list(rest)):
            rows += piece.rows
            for position, cells in piece.columns.items():
                self.columns[rest[position]].extend(_shared(cells))
            self._progress(rows)
        if any(len(cells) > self.places.rows for cells in self.columns.values()):
            raise DataError(f"{faults.source}: has changed while it was read; describe it once it is whole")

    def add(self, file: RawFile, faults: Faults) -> None:
        names = list(file.names)
        for name in repeated(names):
            faults.add("column names used more than once", example=shown(name), way_out="rename one")
        if not file.is_csv:  # which cannot be read by names that are not unique
            faults.raise_any()
        if not self.names:
            self._first = faults.source
            self.names = list(dict.fromkeys(names))
            if self.quick:
                self._cells = {name: NumberCells(keeps_values=name == self._label) for name in names}
            else:
                self.columns = {name: [] for name in names}
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
                if not self.quick:
                    self.columns[name].extend(_shared(cells))
                elif name in self._cells:
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
            if not self._cells[name].takes(pa.concat_arrays(cells)):
                del self._cells[name]
        self._waiting.clear()

    def _note_unread(self, file: RawFile) -> None:
        for name in dict.fromkeys(file.names):
            if found := file.unread(name):
                kind, is_moment = found
                self.unread[name] = f"holds {kind}" + (f": dates or times; {MOMENTS_WAY_OUT}" if is_moment else "")


def _shared(cells: pa.Array) -> list[str | None]:
    """Texts; equal ones of a piece are one object."""
    if not is_text(cells.type):
        return texts_of(cells)
    encoded = cells.dictionary_encode()
    texts = np.array([*encoded.dictionary.to_pylist(), None], object)
    shared: list[str | None] = texts[encoded.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)].tolist()
    return shared


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
