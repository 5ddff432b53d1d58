"""Every column of a file as texts, before anybody has described it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class FileTexts:
    """Columns as texts, None for missing; `unread` are those of types that are never features, and why.

    `place` names the row of an index; `separator` is None for Parquet.
    """

    path: Path
    separator: str | None
    columns: Mapping[str, Sequence[str | None]]
    place: Callable[[int], str]
    unread: Mapping[str, str] = field(default_factory=dict)


def read_texts(source: str, separator: str | None) -> FileTexts:
    """Read a CSV (also gzipped) or Parquet file; without a separator, the likeliest. Raises DataError."""
    path = located(source)
    with opened(path) as start:
        is_parquet = start.peek(4)[:4] == b"PAR1"
    if is_parquet:
        return _parquet_file(path)
    return _csv_file(path, separator or _separator(path))


def _separator(path: Path) -> str:
    """The one that cuts the first lines into equally many columns, at least two."""
    with opened(path) as file:
        # Bounded: one line may be all of the file.
        beginning = b"".join(file.readline(_LONGEST_START) for _ in range(20))
    start = beginning.decode("utf-8-sig", errors="replace").replace("\0", "").splitlines()

    def fit(separator: str) -> tuple[bool, float, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(start, delimiter=separator) if row)
        except csv.Error:  # what the file really is, is told when its rows are read
            return False, 0, 0
        width, lines = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        return width > 1, lines / max(1, widths.total()), width

    return max(SEPARATORS, key=fit)


def _csv_file(path: Path, separator: str) -> FileTexts:
    faults = Faults(str(path))
    file = CsvFile(path, CsvFormat(separator), faults)
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
    return FileTexts(path, separator, dict(zip(file.names, columns, strict=True)), places)


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
