"""A table read from its file, held against its description before anything else happens."""

from __future__ import annotations

import csv
import hashlib
import io
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import collector, is_missing, is_number, text_of
from housing.data.csv_file import SEPARATORS, header_and_chunks, opened
from housing.data.description import Dataset, Ignored
from housing.data.faults import Faults, listed, repeated, shown
from housing.data.kinds import Text
from housing.data.sources import refuse_address, refuse_folder
from housing.data.task_columns import with_task_columns
from housing.errors import DataError
from housing.nearest import nearest

_PACKAGE = "package:"
_KINDS = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))


class Table(Mapping[str, NDArray[Any]]):
    """Columns by name, all of `rows` values, in file order; ignored columns are left out.

    A numeric column is float64 with NaN for missing; any other holds str objects, None for missing.
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]], source: str) -> None:
        self._columns = dict(columns)
        self.rows = len(next(iter(self._columns.values()))) if self._columns else 0
        self.source = source

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Table({self.rows} rows of {len(self)} columns, {self.source!r})"

    def take(self, rows: NDArray[np.int64]) -> Table:
        """These rows, in this order."""
        return Table({name: values[rows] for name, values in self._columns.items()}, self.source)

    def to_csv(self, columns: Iterable[str] | None = None) -> str:
        """CSV with a header and CRLF line ends, as an endpoint takes raw rows; numbers round-trip, missing is empty."""
        names = list(self if columns is None else columns)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows(zip(*(_texts(self._columns[name]) for name in names), strict=True))
        return text.getvalue()

    def digest(self) -> str:
        """SHA-256 of names and values: the same for the same content in another file format."""
        found = hashlib.sha256()
        for name, values in self._columns.items():
            if values.dtype == object:
                content = "\0".join(["\1" if value is None else value for value in values]).encode()
            else:
                # One bit pattern for all NaN, and 0 for -0.
                content = np.where(np.isnan(values), np.nan, values + 0.0).astype("<f8").tobytes()
            found.update(f"{name}\0{values.dtype.kind}\0{self.rows}\0{len(content)}\0".encode())
            found.update(content)
        return found.hexdigest()


def read(dataset: Dataset) -> Table:
    """Read and check the dataset's file. Raises one DataError that lists every fault found."""
    path = located(dataset.source)
    faults = Faults(str(path))
    columns = (_read_parquet if dataset.format == "parquet" else _read_csv)(path, dataset, faults)
    faults.raise_any()
    return Table(with_task_columns(columns, dataset, str(path)), dataset.source)


def located(source: str) -> Path:
    """Where a source lies. Raises DataError when there is no such file."""
    if source.startswith(_PACKAGE):
        folder, name = Path(__file__).parent, source.removeprefix(_PACKAGE)
        if not (folder / name).is_file() or Path(name).name != name:
            shipped = [file.name for file in folder.glob("*.csv.gz")]
            raise DataError(f"{source}: housing ships no such file; it ships {listed(sorted(shipped))}")
        return folder / name
    refuse_address(source)
    path = Path(source)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(_not_there(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL, or half a surrogate pair
        raise DataError(f"{source[:200]}: names no file: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(mode):
        refuse_folder(path)
    if not stat.S_ISREG(mode):
        what = next((name for is_one, name in _KINDS if is_one(mode)), "a device")
        raise DataError(f"{source}: is {what}, not a file")
    return path


def _not_there(path: Path) -> str:
    beside = [file.name for file in path.parent.iterdir() if file.is_file()] if path.parent.is_dir() else []
    near = nearest(path.name, beside)
    hint = f"; did you mean {str(path.parent / near)!r}?" if near else ""
    seen_from = "" if path.is_absolute() else f", seen from the working folder {Path.cwd()}"
    return f"{path}: there is no such file{seen_from}{hint}"


def _read_csv(path: Path, dataset: Dataset, faults: Faults) -> dict[str, NDArray[Any]]:
    with opened(path) as file:
        header, chunks = header_and_chunks(path, file, separator=dataset.separator, faults=faults)
        _check_header(path, header, dataset, faults)
        position = {name: place for place, name in reversed(list(enumerate(header)))}
        collectors = {name: collector(name, dataset, faults) for name in _kept(dataset) if name in position}
        empty = True
        for lines, columns in chunks:
            empty = False
            for name, cells in collectors.items():
                cells.add(columns[position[name]], lambda index, lines=lines: f"line {lines[index]}")  # type: ignore[misc]
    if empty:
        faults.add("there are no rows below the header")
    return {name: cells.values() for name, cells in collectors.items()}


def _read_parquet(path: Path, dataset: Dataset, faults: Faults) -> dict[str, NDArray[Any]]:
    from housing.data.parquet_file import ParquetColumns

    file = ParquetColumns(path)
    _check_names(file.names, dataset, faults)
    if not file.rows:
        faults.add("there are no rows")
    columns = {}
    times = Counter(file.names)
    for name in _kept(dataset):
        if times[name] == 1:
            cells = collector(name, dataset, faults)
            cells.add(file.cells(name), lambda index: f"row {index + 1}")
            columns[name] = cells.values()
    return columns


def _kept(dataset: Dataset) -> list[str]:
    asked = (*dataset.split.columns, dataset.group, dataset.event)
    left_out = (Ignored, Text)
    return [name for name, column in dataset.columns.items() if not isinstance(column, left_out) or name in asked]


def _check_header(path: Path, header: Sequence[str], dataset: Dataset, faults: Faults) -> None:
    """Refuse a first line that is no header of this dataset at all; else note what is wrong with its names."""
    if not set(header) & set(dataset.columns):
        check_separator(path, header, dataset.columns, dataset.separator)
        if any(is_number(cell) for cell in header):
            raise DataError(
                f"{path}: the first line looks like data ({listed(header, 3)}); "
                f"put a line with the {len(dataset.columns)} column names above it"
            )
    _check_names(header, dataset, faults)


def check_separator(path: Path, header: Sequence[str], known: Collection[str], separator: str) -> None:
    """Refuse a header that has no known name, when another separator would give it some. Raises DataError."""
    if set(header) & set(known):
        return
    line = separator.join(header)
    for other in SEPARATORS:
        if set(_cut(line, other)) & set(known):
            raise DataError(
                f"{path}: columns are separated by {other!r}, the dataset says {separator!r}; set separator: {other!r}"
            )


def _missing(name: str, unexpected: Sequence[str]) -> str:
    near = nearest(name, unexpected)
    return shown(name) + (f" (the file has {near!r})" if near else "")


def _cut(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # quotes that are none, or a name of more than 128 KiB: it is not this separator
        return []


def _check_names(names: Sequence[str], dataset: Dataset, faults: Faults) -> None:
    present = dict.fromkeys(names)
    missing = [name for name in dataset.columns if name not in present]
    unexpected = [name for name in present if name not in dataset.columns]
    for name in repeated(names):
        faults.add("column names used more than once", example=shown(name), way_out="rename one")
    for name in missing:
        faults.add("missing columns", example=partial(_missing, name, unexpected or list(present)))
    for name in unexpected:
        way_out = "describe them under columns; kind: ignored leaves one out"
        faults.add("unexpected columns", example=shown(name), way_out=way_out)


def _texts(values: NDArray[Any]) -> list[str]:
    return ["" if is_missing(value) else text_of(value) for value in values.tolist()]
