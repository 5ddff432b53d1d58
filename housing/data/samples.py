"""A sample of the rows of each part, large enough to judge single columns, taken in a pass over all rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from housing.data.split import Parts
from housing.data.table import Table

Part = Literal["train", "validation", "test"]

_MOST_LEARNT, _MOST_JUDGED = 50_000, 20_000


class Sample:
    """`places` are indices within each part, ascending: a random subset where there are more than needed, else all.

    `rows` are the same as row numbers of the table.
    """

    def __init__(self, table: Table, parts: Parts) -> None:
        of_parts = {"train": parts.train, "validation": parts.validation, "test": parts.test}
        most = {"train": _MOST_LEARNT}
        self.places: Mapping[str, NDArray[np.int64]] = {
            part: _some(len(rows), most.get(part, _MOST_JUDGED)) for part, rows in of_parts.items()
        }
        self.rows: Mapping[str, NDArray[np.int64]] = {part: rows[self.places[part]] for part, rows in of_parts.items()}
        self._table = table
        self._rows = np.unique(np.concatenate(list(self.rows.values())))
        self._blocks: list[Table] = []

    def add(self, block: Table, begin: int) -> None:
        """Add a block of a table on disk; its first row is the table's row `begin`. No block may be skipped."""
        first, last = np.searchsorted(self._rows, [begin, begin + block.rows]).tolist()
        if first < last:
            self._blocks.append(block.take(self._rows[first:last] - begin))

    def of(self, column: str, part: Part) -> NDArray[Any]:
        """A feature's values in the sampled rows of a part."""
        if not self._table.is_stored:
            return self._table[column][self.rows[part]]
        values = np.concatenate([block[column] for block in self._blocks])
        return values[np.searchsorted(self._rows, self.rows[part])]


def _some(rows: int, most: int) -> NDArray[np.int64]:
    return np.arange(rows) if rows <= most else np.sort(np.random.RandomState(0).choice(rows, most, replace=False))
