"""Every column of a file as texts, before anybody has described it."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from housing.data.cells import is_missing, text_of
from housing.data.csv_file import SEPARATORS, header_and_chunks, opened
from housing.data.faults import Faults, repeated, shown
from housing.data.looks import MOMENTS_WAY_OUT
from housing.data.table import located

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
    numbers: list[int] = []
    with opened(path) as file:
        header, chunks = header_and_chunks(path, file, separator=separator, faults=faults)
        columns: list[list[str | None]] = [[] for _ in header]
        for lines, pieces in chunks:
            numbers.extend(lines)
            for column, piece in zip(columns, pieces, strict=True):
                column.extend(piece)
    _note_repeated(header, faults)
    if not columns[0]:
        faults.add("there are no rows below the header")
    faults.raise_any()
    return FileTexts(path, separator, dict(zip(header, columns, strict=True)), lambda row: f"line {numbers[row]}")


def _parquet_file(path: Path) -> FileTexts:
    from housing.data.parquet_file import ParquetColumns

    file = ParquetColumns(path)
    faults = Faults(str(path))
    _note_repeated(file.names, faults)
    if not file.rows:
        faults.add("there are no rows")
    faults.raise_any()
    columns: dict[str, list[str | None]] = {}
    unread = {}
    for name in file.names:
        if found := file.unread(name):
            kind, is_moment = found
            unread[name] = f"holds {kind}" + (f": dates or times; {MOMENTS_WAY_OUT}" if is_moment else "")
            columns[name] = []
        else:
            columns[name] = [None if is_missing(value) else text_of(value) for value in file.cells(name)]
    return FileTexts(path, None, columns, lambda row: f"row {row + 1}", unread)


def _note_repeated(names: Sequence[str], faults: Faults) -> None:
    for name in repeated(names):
        faults.add("column names used more than once", example=shown(name), way_out="rename one")
