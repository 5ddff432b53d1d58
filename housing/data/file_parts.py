"""The files of a source: a single one, those that match a pattern, or those of a folder, perhaps Hive-partitioned."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from glob import glob
from pathlib import Path
from urllib.parse import unquote

from housing.data.faults import listed, repeated
from housing.data.locations import located
from housing.data.pieces import Piece, RawFile
from housing.data.s3_objects import fetched, is_s3
from housing.data.source_spec import PART, Files
from housing.data.sources import refuse_folder
from housing.errors import DataError

_SUFFIXES = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".ndjson", ".arrow", ".feather", ".xlsx")
_ALIKE = ({".csv", ".csv.gz"}, {".jsonl", ".jsonl.gz", ".ndjson"}, {".arrow", ".feather"})
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class FilePart:
    """A file; `values` are columns whose values are in the names of its folders (Hive partitions)."""

    path: Path
    values: Mapping[str, str | None] = field(default_factory=dict)

    def of(self, part: str) -> FilePart:
        """The file, with all of its rows in this part of the split."""
        return replace(self, values={**self.values, PART: part})


def file_parts(source: Files) -> Sequence[FilePart]:
    """The files, sorted by name, or in the order of a list; hidden files, and those that begin with _, are skipped.

    Raises DataError.
    """
    if not isinstance(source, str):
        parts = [part for one in source for part in file_parts(one)]
        if twice := repeated(part.path for part in parts):
            raise DataError(f"{twice[0]}: the source names this file more than once; its rows would count double")
        return parts
    if is_s3(source):
        return file_parts(str(fetched(source)))
    if Path(source).is_dir():
        return _of_folder(Path(source))
    if re.search(r"[*?\[]", source) and not Path(source).exists() and "://" not in source:
        names = sorted(glob(source, recursive=True))  # noqa: PTH207 - Path's takes no absolute pattern
        files = [Path(name) for name in names if _is_part(Path(name).name)]
        if not (files := [file for file in files if file.is_file()]):
            raise DataError(f"{source}: matches no file, relative to the working folder {Path.cwd()}")
        return [FilePart(file) for file in files]
    return [FilePart(located(source))]


def _of_folder(folder: Path) -> Sequence[FilePart]:
    files = {suffix: sorted(_below(folder, suffix)) for suffix in _SUFFIXES}
    kinds = [suffix for suffix, found in files.items() if found]
    if len(kinds) > 1 and not any(alike.issuperset(kinds) for alike in _ALIKE):
        raise DataError(f"{folder}: holds files of {' and '.join(kinds)}; give a pattern, such as {folder}/*{kinds[0]}")
    parts = [FilePart(path, _values(path.relative_to(folder))) for found in files.values() for path in found]
    if not parts:
        refuse_folder(folder)
    if len({tuple(part.values) for part in parts}) > 1:
        named = [str(part.path.relative_to(folder)) for part in parts]
        raise DataError(f"{folder}: its files lie in folders of different columns: {listed(named, 3)}")
    return parts


def _below(folder: Path, suffix: str) -> Iterator[Path]:
    for path in folder.rglob(f"*{suffix}"):
        if path.is_file() and all(map(_is_part, path.relative_to(folder).parts)):
            yield path


def _is_part(name: str) -> bool:
    return not name.startswith((".", "_"))


def _values(path: Path) -> dict[str, str | None]:
    pairs = (name.partition("=") for name in path.parts[:-1])
    return {key: None if value == _NULL else unquote(value) for key, mark, value in pairs if mark}


class PartOfMany:
    """One of several files: adds the columns from its folders' names, and its own name to the place of each row."""

    def __init__(self, file: RawFile, part: FilePart) -> None:
        self._file = file
        self._part = part

    @property
    def names(self) -> Sequence[str]:
        """The names of the file's columns, then those from its folders."""
        return [*self._file.names, *self._part.values]

    def unread(self, name: str) -> tuple[str, bool] | None:
        """See `RawFile`."""
        return self._file.unread(name) if name not in self._part.values else None

    @property
    def is_csv(self) -> bool:
        """See `RawFile`."""
        return self._file.is_csv

    def pieces(self, wanted: Collection[int]) -> Iterator[Piece]:
        """All rows, of these columns. Raises DataError."""
        import pyarrow as pa

        width = len(self._file.names)
        own = [position for position in wanted if position < width]
        values = list(self._part.values.values())
        for piece in self._file.pieces(own or [0]):
            columns = {position: piece.columns[position] for position in own}
            for position in set(wanted).difference(own):
                columns[position] = pa.array([values[position - width]] * piece.rows, pa.string())
            yield Piece(piece.rows, columns, partial(self._place, piece), piece.share)

    def _place(self, piece: Piece, row: int) -> str:
        return f"{self._part.path.name} {piece.place(row)}"
