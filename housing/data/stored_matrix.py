"""A float32 matrix on disk, for the lifetime of the process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

_CELLS_A_BATCH = 8_000_000


class StoredMatrix:
    """Rows are appended, then read in order. Its file has no name, so that it is never left behind."""

    def __init__(self, folder: Path, columns: int, *, cells_a_batch: int = _CELLS_A_BATCH) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder) as file:
            self._file = os.dup(file.fileno())
        finalize(self, os.close, self._file)
        self._columns = columns
        self._rows_a_batch = max(1, cells_a_batch // max(1, columns))
        self.rows = 0

    def add(self, rows: NDArray[np.float32]) -> None:
        """Append rows, (rows, columns). Raises OSError where the disk is full."""
        data = np.ascontiguousarray(rows, dtype="<f4").data.cast("B")
        while data:
            data = data[os.write(self._file, data) :]
        self.rows += len(rows)

    def batches(self) -> Iterator[NDArray[np.float32]]:
        """All rows in batches; safe to call from several threads."""
        step = self._rows_a_batch
        for start in range(0, self.rows, step):
            batch = np.empty((min(step, self.rows - start), self._columns), "<f4")
            self._fill(batch.data.cast("B"), 4 * start * self._columns)
            yield batch

    def whole(self) -> NDArray[np.float32]:
        """All rows as a memory map."""
        shape = (self.rows, self._columns)
        if not self.rows or not self._columns:
            return np.empty(shape, np.float32)
        with open(self._file, "rb", closefd=False) as file:
            return np.memmap(file, "<f4", mode="r", shape=shape)

    def _fill(self, data: memoryview, place: int) -> None:
        while data:
            read = os.preadv(self._file, [data], place)
            if not read:
                raise OSError("a matrix on disk is shorter than it was written")
            data, place = data[read:], place + read
