"""Checks the column names of a file against the description."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from functools import partial

from housing.data.cells import is_number
from housing.data.csv_file import SEPARATORS
from housing.data.description import Dataset
from housing.data.faults import Faults, listed, repeated, shown
from housing.errors import DataError
from housing.nearest import nearest


def check_header(header: Sequence[str], dataset: Dataset, faults: Faults) -> None:
    """Refuse a first line that is not a header of this dataset; else note faults in its names."""
    if not set(header) & set(dataset.columns):
        check_separator(faults.source, header, dataset.columns, dataset.separator)
        if any(is_number(cell) for cell in header):
            raise DataError(
                f"{faults.source}: the first line looks like data ({listed(header, 3)}); "
                f"put a line with the {len(dataset.columns):,} column names above it"
            )
    check_names(header, dataset, faults)


def check_separator(path: str, header: Sequence[str], known: Collection[str], separator: str) -> None:
    """Raises DataError for a header without a known name, when another separator would yield some."""
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
    except csv.Error:  # broken quotes, or a name of more than 128 KiB: not this separator
        return []


def note_repeated_names(names: Sequence[str], faults: Faults) -> None:
    """Note names that several columns have, or that several columns lack."""
    for name in repeated(names):
        if name.strip():
            faults.add("column names used more than once", example=shown(name), way_out="rename one")
        else:
            way_out = (
                "the first line has the names of the columns: name each, or skip the lines above them (skip_lines)"
            )
            faults.add("several columns without a name", way_out=way_out)


def check_names(names: Sequence[str], dataset: Dataset, faults: Faults) -> None:
    """Note names that differ from those of the dataset."""
    present = dict.fromkeys(names)
    missing = [name for name in dataset.columns if name not in present]
    unexpected = [name for name in present if name not in dataset.columns]
    note_repeated_names(names, faults)
    for name in missing:
        faults.add("missing columns", example=partial(_missing, name, unexpected or list(present)))
    for name in unexpected:
        way_out = "describe them under columns; kind: ignored leaves one out"
        faults.add("unexpected columns", example=shown(name), way_out=way_out)
