"""A table read from its source, checked against its description before anything else happens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import is_missing, text_of
from housing.data.collected import Collected
from housing.data.content_digest import digest_of
from housing.data.description import Dataset
from housing.data.number_format import PLAIN, NumberFormat
from housing.data.reading import collected
from housing.data.row_blocks import BlockColumns, HeldColumns, TakenColumns
from housing.data.task_columns import with_task_columns

_MOST_CELLS_COPIED = 5_000_000
"""With more cells, columns of a selection are copied on access."""


class Table(Mapping[str, NDArray[Any]]):
    """Columns by name, all of `rows` values, in file order; ignored columns are left out.

    A numeric column is float64 with NaN for missing; any other holds str objects, None for missing. `left_out` counts
    the rows of the source that are not in it, by the key of the dataset that says so. `is_stored`: it is on disk, and
    columns are read on access.
    """

    def __init__(
        self,
        columns: Mapping[str, NDArray[Any]] | BlockColumns,
        source: str,
        *,
        left_out: Mapping[str, int] | None = None,
        numbers: NumberFormat = PLAIN,
        rows: int | None = None,
        digest: str | None = None,
        is_stored: bool = False,
    ) -> None:
        self._columns: BlockColumns = columns if hasattr(columns, "blocks") else HeldColumns(columns)
        self.rows = rows if rows is not None else len(self._columns[next(iter(self._columns))]) if self._columns else 0
        self.source = source
        self.left_out = dict(left_out or {})
        self.is_stored = is_stored
        self._numbers = numbers
        self._digest = digest

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Table({self.rows:,} rows of {len(self):,} columns, {self.source!r})"

    def take(self, rows: NDArray[np.int64]) -> Table:
        """These rows, in this order."""
        taken = TakenColumns(self._columns, rows)
        is_large = self.is_stored or len(rows) * len(self) > _MOST_CELLS_COPIED
        columns = taken if is_large else HeldColumns({name: taken[name] for name in self})
        return Table(columns, self.source, numbers=self._numbers, rows=len(rows), is_stored=self.is_stored)

    def held(self) -> Table:
        """The table in memory, read in one pass."""
        if not self.is_stored:
            return self
        blocks = list(self._columns.blocks(list(self)))
        columns = {name: np.concatenate([block[name] for block in blocks]) for name in self} if blocks else {}
        return Table(columns, self.source, left_out=self.left_out, numbers=self._numbers)

    def blocks(self, names: Iterable[str] | None = None) -> Iterator[Table]:
        """Its rows in order, a block at a time, with these columns or all."""
        for block in self._columns.blocks(list(self if names is None else names)):
            yield Table(block, self.source, numbers=self._numbers)

    def to_csv(self, columns: Iterable[str] | None = None) -> str:
        """CSV with a header and CRLF line ends, as an endpoint takes raw rows: missing is empty, numbers round-trip."""
        names = list(self if columns is None else columns)
        cells = [_texts(self._columns[name], self._numbers) for name in names]
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows(zip(*cells, strict=True))
        return text.getvalue()

    def digest(self) -> str:
        """SHA-256 of names and values: the same for the same content in another file format."""
        if self._digest is None:
            self._digest = digest_of(self._columns, self.left_out)
        return self._digest


def read(dataset: Dataset) -> Table:
    """The dataset's source, read into memory and checked. Raises one DataError that lists every fault found."""
    return table_of(collected(dataset), dataset)


def table_of(found: Collected, dataset: Dataset) -> Table:
    """The table of collected columns, with those that the dataset's task adds. Raises DataError."""
    columns = with_task_columns(dict(found.columns), dataset, found.source)
    digest = found.digest if dataset.event is None else None
    return Table(columns, found.source, left_out=found.left_out, numbers=dataset.number_format, digest=digest)


def _texts(values: NDArray[Any], numbers: NumberFormat) -> list[str]:
    texts = ["" if is_missing(value) else text_of(value) for value in values.tolist()]
    return texts if values.dtype == object or numbers.is_plain else [numbers.of_plain(text) for text in texts]
