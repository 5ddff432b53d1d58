"""Reads the columns of a dataset from any source, and checks them against the description."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from housing.data.collected import Collected
from housing.data.collectors import Collector, collector, part_collector
from housing.data.description import Dataset, Identifier, Ignored
from housing.data.faults import Faults
from housing.data.header import check_header, check_names
from housing.data.kinds import Text
from housing.data.missing import Place
from housing.data.pieces import Piece, RawFile
from housing.data.raw_files import RawSource, found
from housing.data.selection import Places, Selection, left_out_text, refuse_repeated
from housing.data.source_spec import PART, source_text

if TYPE_CHECKING:
    import pyarrow as pa


def collected(dataset: Dataset, source: RawSource | None = None) -> Collected:
    """All columns, in memory. Raises one DataError that lists every fault found."""
    reading = Reading(dataset, source=source)
    grown: dict[str, GrowingColumn] = {}
    for piece in reading.pieces():
        for name, values in piece.columns.items():
            grown.setdefault(name, GrowingColumn(values.dtype)).add(values)
    columns = reading.finished({name: grown[name].values() for name in list(grown)})
    return Collected(columns, source_text(dataset.source), reading.left_out)


@dataclass(frozen=True)
class ReadPiece:
    """Rows with values as in a table, by column; `share` is the part of the source that has been read, 0 to 1, or
    NaN.
    """

    columns: Mapping[str, NDArray[Any]]
    rows: int
    share: float


class Reading:
    """One pass through a dataset's source: every cell is checked, and pieces do not contain rows that are left out.

    Faults are collected, in `faults` if given, and raised by `finished`.
    """

    def __init__(self, dataset: Dataset, *, source: RawSource | None = None, faults: Faults | None = None) -> None:
        self._dataset = dataset
        self._source = found(dataset.source) if source is None else source
        self._faults = faults or Faults(self._source.text)
        self._selection = Selection(dataset, self._faults)
        self._places = Places()
        self._absent: set[str] = set()
        self._rows = 0

    @property
    def left_out(self) -> Mapping[str, int]:
        """See `Collected`."""
        return self._selection.left_out

    def pieces(self, names: Collection[str] | None = None, *, checks_names: bool = True) -> Iterator[ReadPiece]:
        """All rows, with these columns, by default all used ones. Raises DataError where the source cannot be read."""
        collectors = self._collectors(used_columns(self._dataset) if names is None else names)
        files = self._source.files(
            self._dataset.format, self._dataset.csv_format, self._faults, sheet=self._dataset.sheet
        )
        for (file, own), (begin, size) in zip(files, self._source.shares(), strict=True):
            if checks_names:
                check = check_header if self._dataset.is_csv else check_names
                check([name for name in file.names if name != PART], self._dataset, own)
            for columns, rows, share in self._of_file(file, collectors):
                yield ReadPiece(columns, rows, begin + share * size)
            if own is not self._faults:  # faults of a file as such are reported for that file
                own.raise_any()

    def finished(self, columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All columns, without duplicate rows where these are left out. Raises a DataError that lists every fault."""
        kept = {name: columns[name] for name in columns if name not in self._absent}
        self.note_emptiness(len(next(iter(columns.values()))) if columns else 0)
        kept, places = self._selection.without_duplicates(kept, self._places, self._faults)
        for name, values in kept.items():
            self._note_repeated(name, values, places)
        self._faults.raise_any()
        return kept

    def note_emptiness(self, kept: int | None) -> None:
        """Note a fault where there is no row, or none is kept; `kept` is None where that is not known."""
        if not self._rows:
            below = " below the header" if self._dataset.is_csv else ""
            self._faults.add(f"there are no rows{below}")
        elif kept == 0:
            told = left_out_text(self.left_out, self._dataset)
            self._faults.add(f"no row of {self._rows:,} is left: {told}")

    def note_repeated(self, name: str, values: NDArray[Any]) -> None:
        """Note faults of a whole column: identifiers that occur twice."""
        self._note_repeated(name, values, self._places)

    def raise_faults(self) -> None:
        """Raise a DataError that lists every fault so far."""
        self._faults.raise_any()

    def _of_file(
        self, file: RawFile, collectors: Mapping[str, Collector]
    ) -> Iterator[tuple[dict[str, NDArray[Any]], int, float]]:
        times = Counter(file.names)
        position = {name: place for place, name in enumerate(file.names) if times[name] == 1}
        asked = dict.fromkeys((*collectors, *self._selection.columns))
        self._absent |= set(asked) - set(position)
        wanted = [position[name] for name in asked if name in position]
        can_select = self._absent.isdisjoint(self._selection.columns)
        # A file without any known column is read all the same: its rows may have other faults.
        for piece in file.pieces(wanted or [0]):
            cells = {name: piece.columns[position[name]] for name in asked if name in position}
            kept = self._selection.kept(cells, piece.rows, piece.place) if can_select else None
            rows = piece.rows if kept is None else len(kept)
            yield self._taken(cells, kept, piece, collectors), rows, piece.share

    def _taken(
        self,
        cells: Mapping[str, pa.Array],
        kept: NDArray[np.int64] | None,
        piece: Piece,
        collectors: Mapping[str, Collector],
    ) -> dict[str, NDArray[Any]]:
        self._rows += piece.rows
        self._places.add(piece.rows if kept is None else len(kept), kept, piece.place)
        if kept is None:
            return {name: one.take(cells[name], piece.place) for name, one in collectors.items() if name in cells}
        if not len(kept):
            return {}
        place = partial(_kept_place, piece.place, kept)
        return {name: one.take(cells[name].take(kept), place) for name, one in collectors.items() if name in cells}

    def _collectors(self, names: Collection[str]) -> dict[str, Collector]:
        collectors = {name: collector(name, self._dataset, self._faults) for name in names if name != PART}
        if self._dataset.parts is not None:
            collectors[PART] = part_collector(self._dataset, self._faults)
        return collectors

    def _note_repeated(self, name: str, values: NDArray[Any], place: Place) -> None:
        column = self._dataset.columns.get(name)
        if isinstance(column, Identifier) and column.unique and name not in self._absent:
            refuse_repeated(name, values, place, self._faults)


class GrowingColumn:
    """A column that grows by pieces, without ever holding a second copy."""

    def __init__(self, kind: np.dtype[Any]) -> None:
        self._held = np.empty(0, kind)
        self._rows = 0

    def add(self, values: NDArray[Any]) -> None:
        """Append cells."""
        needed = self._rows + len(values)
        if needed > len(self._held):
            # The system moves pages rather than copying; an eighth of spare room takes no memory until it is used.
            self._held.resize(max(needed, needed + needed // 8 if self._rows else needed), refcheck=False)
        self._held[self._rows : needed] = values
        self._rows = needed

    def values(self) -> NDArray[Any]:
        """All cells; nothing may be added afterwards."""
        self._held.resize(self._rows, refcheck=False)
        return self._held


def used_columns(dataset: Dataset) -> list[str]:
    """The source's columns that are in a table; the part of each row, where files of parts are given, is extra."""
    asked = (*dataset.split.columns, dataset.group, dataset.event)
    return [name for name, column in dataset.columns.items() if not isinstance(column, Ignored | Text) or name in asked]


def _kept_place(place: Place, kept: NDArray[np.int64], row: int) -> str:
    return place(int(kept[row]))
