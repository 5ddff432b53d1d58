"""A sample of training and validation rows, large enough to judge single columns, taken in a pass over all rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.data.split import Parts
from housing.data.table import Table

_MOST_LEARNT, _MOST_JUDGED = 50_000, 20_000


class Sample:
    """`train` and `validation` are row numbers of the table, a random subset where there are more than needed."""

    def __init__(self, table: Table, parts: Parts) -> None:
        self.train = _some(parts.train, _MOST_LEARNT)
        self.validation = _some(parts.validation, _MOST_JUDGED)
        self._table = table
        self._rows = np.union1d(self.train, self.validation)
        self._blocks: list[Table] = []

    def add(self, block: Table, begin: int) -> None:
        """Add a block of a table on disk; its first row is the table's row `begin`. No block may be skipped."""
        first, last = np.searchsorted(self._rows, [begin, begin + block.rows]).tolist()
        if first < last:
            self._blocks.append(block.take(self._rows[first:last] - begin))

    def of(self, column: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """A feature's values in the training rows and in the validation rows."""
        if not self._table.is_stored:
            values = self._table[column]
            return values[self.train], values[self.validation]
        values = np.concatenate([block[column] for block in self._blocks])
        of_train, of_validation = (np.searchsorted(self._rows, rows) for rows in (self.train, self.validation))
        return values[of_train], values[of_validation]


def _some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rows if len(rows) <= most else np.sort(np.random.RandomState(0).choice(rows, most, replace=False))
