"""Some rows of training and of validation, enough to see what each column tells, read once while all rows go by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.data.split import Parts
from housing.data.table import Table

_MOST_LEARNT, _MOST_JUDGED = 50_000, 20_000


class Sample:
    """`train` and `validation` are rows of the table, ascending where there are more than are looked at."""

    def __init__(self, table: Table, parts: Parts) -> None:
        self.train = _some(parts.train, _MOST_LEARNT)
        self.validation = _some(parts.validation, _MOST_JUDGED)
        self._table = table
        self._rows = np.union1d(self.train, self.validation)
        self._blocks: list[Table] = []

    def add(self, block: Table, begin: int) -> None:
        """A block of a table that stays on disk, whose first row is the table's `begin`; none may be left out."""
        first, last = np.searchsorted(self._rows, [begin, begin + block.rows]).tolist()
        if first < last:
            self._blocks.append(block.take(self._rows[first:last] - begin))

    def of(self, column: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """What the rows of training and of validation have in a column of the features."""
        if not self._table.is_stored:
            values = self._table[column]
            return values[self.train], values[self.validation]
        values = np.concatenate([block[column] for block in self._blocks])
        of_train, of_validation = (np.searchsorted(self._rows, rows) for rows in (self.train, self.validation))
        return values[of_train], values[of_validation]


def _some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rows if len(rows) <= most else np.sort(np.random.RandomState(0).choice(rows, most, replace=False))
