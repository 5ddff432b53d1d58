"""The columns of a dataset, read from wherever they lie and held against their description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from housing.data.collected import Collected
from housing.data.collectors import collector, part_collector
from housing.data.description import Dataset, Identifier, Ignored
from housing.data.faults import Faults
from housing.data.header import check_header, check_names
from housing.data.kept_tables import KeptTable
from housing.data.kinds import Text
from housing.data.missing import Place
from housing.data.pieces import RawFile
from housing.data.raw_files import RawSource, found
from housing.data.selection import Places, Selection, left_out_text, refuse_repeated
from housing.data.source_spec import PART, source_text

if TYPE_CHECKING:
    import pyarrow as pa


def collected(dataset: Dataset) -> Collected:
    """The columns, of files that were read before without reading them again.

    Raises one DataError that lists every fault found.
    """
    source = found(dataset.source)
    kept = KeptTable(dataset, source.parts)
    columns = kept.fetch()
    if columns is None:
        columns = _read(dataset, source)
        kept.keep(columns)
    return columns


def _read(dataset: Dataset, source: RawSource) -> Collected:
    faults = Faults(source.text)
    collecting = _Collecting(dataset, faults)
    for file, own in source.files(dataset.format, dataset.csv_format, faults, sheet=dataset.sheet):
        check = check_header if dataset.is_csv else check_names
        check([name for name in file.names if name != PART], dataset, own)
        collecting.add(file)
        if own is not faults:  # what is wrong with a file as such is told of the file
            own.raise_any()
    columns = collecting.columns()
    faults.raise_any()
    return Collected(columns, source_text(dataset.source), collecting.left_out)


class _Collecting:
    """The columns of one dataset, taken from one file after another."""

    def __init__(self, dataset: Dataset, faults: Faults) -> None:
        self._dataset = dataset
        self._faults = faults
        self._selection = Selection(dataset, faults)
        self._places = Places()
        self._collectors = {name: collector(name, dataset, faults) for name in _used(dataset)}
        if dataset.parts is not None:
            self._collectors[PART] = part_collector(dataset, faults)
        self._absent: set[str] = set()
        self._rows = 0

    @property
    def left_out(self) -> Mapping[str, int]:
        return self._selection.left_out

    def add(self, file: RawFile) -> None:
        times = Counter(file.names)
        position = {name: place for place, name in enumerate(file.names) if times[name] == 1}
        asked = dict.fromkeys((*self._collectors, *self._selection.columns))
        self._absent |= set(asked) - set(position)
        wanted = [position[name] for name in asked if name in position]
        can_select = self._absent.isdisjoint(self._selection.columns)
        # A file without one column that is known is read all the same: its rows may have faults of their own.
        for piece in file.pieces(wanted or [0]):
            cells = {name: piece.columns[position[name]] for name in asked if name in position}
            kept = self._selection.kept(cells, piece.rows, piece.place) if can_select else None
            self._take(cells, kept, piece.rows, piece.place)

    def columns(self) -> dict[str, NDArray[Any]]:
        """All of them, each as long as the others; faults of the whole table are noted."""
        if not self._rows:
            below = " below the header" if self._dataset.is_csv else ""
            self._faults.add(f"there are no rows{below}")
        columns = {name: one.values() for name, one in self._collectors.items() if name not in self._absent}
        if self._rows and columns and not len(next(iter(columns.values()))):
            told = left_out_text(self.left_out, self._dataset)
            self._faults.add(f"no row of {self._rows:,} is left: {told}")
        columns, places = self._selection.without_duplicates(columns, self._places, self._faults)
        for name, column in self._dataset.columns.items():
            if isinstance(column, Identifier) and column.unique and name in columns:
                refuse_repeated(name, columns[name], places, self._faults)
        return columns

    def _take(self, cells: Mapping[str, pa.Array], kept: NDArray[np.int64] | None, rows: int, place: Place) -> None:
        self._rows += rows
        self._places.add(rows if kept is None else len(kept), kept, place)
        for name, one in self._collectors.items():
            if name in cells and kept is None:
                one.add(cells[name], place)
            elif name in cells and kept is not None and len(kept):
                one.add(cells[name].take(kept), partial(_kept_place, place, kept))


def _kept_place(place: Place, kept: NDArray[np.int64], row: int) -> str:
    return place(int(kept[row]))


def _used(dataset: Dataset) -> list[str]:
    asked = (*dataset.split.columns, dataset.group, dataset.event)
    return [name for name, column in dataset.columns.items() if not isinstance(column, Ignored | Text) or name in asked]
