"""Leaves rows out of a table: by a condition, for a missing label, or as duplicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from housing.data.collectors import is_text, number_reader, texts_of
from housing.data.description import Dataset, Numeric
from housing.data.faults import Faults, shown
from housing.data.missing import Place
from housing.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

WHERE, LABEL_MISSING, DUPLICATES = "where", "label_missing", "duplicates"

Cells = Mapping[str, "pa.Array"]
"""The cells of a piece, by column name."""


class Selection:
    """Selects rows; counts those left out by the key of the dataset that is responsible."""

    def __init__(self, dataset: Dataset, faults: Faults) -> None:
        self._dataset = dataset
        self._where = dataset.condition()
        self._readers = {
            name: number_reader(name, column, dataset, faults)
            for name, column in dataset.columns.items()
            if isinstance(column, Numeric)
        }
        self.left_out: dict[str, int] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it needs from a piece."""
        of_where = self._where.columns if self._where else ()
        return (*of_where, *([self._dataset.label] if self._dataset.label_missing == "dropped" else []))

    def kept(self, cells: Cells, rows: int, place: Place) -> NDArray[np.int64] | None:
        """The indices of a piece's rows that are kept; None: all of them."""
        kept = np.ones(rows, bool)
        if self._where is not None:
            try:
                kept &= self._where.keeps(
                    {name: self._comparable(name, cells[name], place) for name in self._where.columns}
                )
            except ValueError as error:
                raise DataError(f"{self._dataset.name}: where: {error}") from None
            self._count(WHERE, rows - int(kept.sum()))
        if self._dataset.label_missing == "dropped":
            labelled = np.array([text is not None for text in self._texts(cells[self._dataset.label])], bool)
            self._count(LABEL_MISSING, int((kept & ~labelled).sum()))
            kept &= labelled
        return None if kept.all() else np.flatnonzero(kept)

    def without_duplicates(
        self, columns: dict[str, NDArray[Any]], place: Place, faults: Faults
    ) -> tuple[dict[str, NDArray[Any]], Place]:
        """The columns without duplicates, and the remaining rows' places; where duplicates are refused, adds them to
        `faults`.
        """
        rule = self._dataset.duplicates
        if rule == "kept" or not columns:
            return columns, place
        import pandas as pd

        again = pd.DataFrame(dict(enumerate(columns.values()))).duplicated().to_numpy()
        if not again.any():
            return columns, place
        if rule == "refused":
            for row in np.flatnonzero(again).tolist():
                faults.add("equal to an earlier row", example=partial(place, row), way_out="set duplicates: dropped")
            return columns, place
        self._count(DUPLICATES, int(again.sum()))
        first = np.flatnonzero(~again)
        return {name: values[first] for name, values in columns.items()}, lambda row: place(int(first[row]))

    def _count(self, key: str, rows: int) -> None:
        if rows:
            self.left_out[key] = self.left_out.get(key, 0) + rows

    def _comparable(self, name: str, cells: pa.Array, place: Place) -> pa.Array:
        import pyarrow as pa

        if name in self._readers:
            return pa.array(self._readers[name].read(cells, place), from_pandas=True)
        return pa.array(self._texts(cells), pa.string())

    def _texts(self, cells: pa.Array) -> Sequence[str | None]:
        missing = self._dataset.missing_texts
        texts = cells.to_pylist() if is_text(cells.type) else texts_of(cells)
        return [None if text is None or text in missing else text for text in texts]


def left_out_text(left_out: Mapping[str, int], dataset: Dataset) -> str:
    """How many rows were left out of a table, and why, in words."""
    why = {
        WHERE: f"where {dataset.where} is not true",
        LABEL_MISSING: f"without {dataset.label}",
        DUPLICATES: "equal to an earlier one",
    }
    return "; ".join(f"{rows:,} row{'s' if rows > 1 else ''} {why[key]}" for key, rows in left_out.items())


class Places:
    """Maps the index of a kept row, counted over all pieces, to its place in words."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._pieces: list[tuple[NDArray[np.int64] | None, Place]] = []

    @property
    def rows(self) -> int:
        """The number of kept rows."""
        return self._ends[-1] if self._ends else 0

    def add(self, rows: int, kept: NDArray[np.int64] | None, place: Place) -> None:
        self._ends.append(self.rows + rows)
        self._pieces.append((kept, place))

    def __call__(self, row: int) -> str:
        piece = int(np.searchsorted(self._ends, row, side="right"))
        kept, place = self._pieces[piece]
        within = row - (self._ends[piece - 1] if piece else 0)
        return place(within if kept is None else int(kept[within]))


def refuse_repeated(name: str, values: NDArray[Any], place: Place, faults: Faults) -> None:
    """Add identifiers that occur twice to `faults`."""
    known = [value for value in values.tolist() if value is not None]
    if len(set(known)) == len(known):
        return
    first: dict[str, int] = {}
    for row, value in enumerate(values.tolist()):
        if value is not None and (before := first.setdefault(value, row)) != row:
            example = f"{shown(value)} ({place(before)} and {place(row)})"
            faults.add(f"{name}: duplicate identifier", example=example)
