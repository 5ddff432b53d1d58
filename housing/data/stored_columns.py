"""Columns of a table on disk: in the dataset's own Parquet or Arrow files, or in a Parquet file made from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.data.description import Dataset, Numeric
from housing.data.faults import Faults
from housing.data.parquet_file import PIECE_BY_PIECE
from housing.data.raw_files import RawSource
from housing.data.reading import GrowingColumn, Reading
from housing.data.row_blocks import Columns
from housing.errors import DataError

_CELLS_A_BLOCK = 4_000_000
_MOST_ROWS = 64_000


class _OneAtATime(Mapping[str, NDArray[Any]]):
    """Columns that are read on access; the last one stays in memory."""

    def __init__(self, names: Collection[str], read: Callable[[str], NDArray[Any]]) -> None:
        self._names = dict.fromkeys(names)
        self._newest = lru_cache(maxsize=1)(read)

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._newest(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class SourceColumns(_OneAtATime):
    """Columns in the source's own files, where no row is left out. Each reading checks what it reads."""

    def __init__(
        self, dataset: Dataset, source: RawSource, names: Collection[str], refuse_change: Callable[[], None]
    ) -> None:
        super().__init__(names, self._checked)
        self._dataset = dataset
        self._source = source
        self._refuse_change = refuse_change

    def read(self, name: str, reading: Reading, *, checks_names: bool = False) -> NDArray[Any]:
        """Read one column through a reading, which collects its faults."""
        grown: GrowingColumn | None = None
        for values in self.pieces(name, reading, checks_names=checks_names):
            grown = grown or GrowingColumn(values.dtype)
            grown.add(values)
        return np.empty(0) if grown is None else grown.values()

    def pieces(self, name: str, reading: Reading, *, checks_names: bool = False) -> Iterator[NDArray[Any]]:
        """One column, piece by piece."""
        for piece in reading.pieces([name], checks_names=checks_names):
            yield from piece.columns.values()

    def holds_numbers(self, name: str) -> bool:
        """Whether the column is of float64."""
        return isinstance(self._dataset.columns.get(name), Numeric)

    def reading(self, faults: Faults) -> Reading:
        """A new pass through its files."""
        return Reading(self._dataset, source=self._source, faults=faults)

    def blocks(self, names: Collection[str]) -> Iterator[Columns]:
        """See `row_blocks.BlockColumns`."""
        faults = Faults(self._source.text)
        for piece in self.reading(faults).pieces(names, checks_names=False):
            self._refuse_change()
            faults.raise_any()
            yield piece.columns

    def _checked(self, name: str) -> NDArray[Any]:
        faults = Faults(self._source.text)
        values = self.read(name, self.reading(faults))
        self._refuse_change()
        faults.raise_any()
        return values


class PreparedColumns(_OneAtATime):
    """Columns in the Parquet file that `prepared_file` wrote, with values as in a table."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._path = path
        try:
            # Kept open: a process that makes a newer one may remove it.
            self._file = pa.OSFile(str(path))
            file = parquet.ParquetFile(self._file)
        except (OSError, ValueError) as error:
            raise self._damaged(error) from None
        super().__init__(file.schema_arrow.names, self._read)
        self.rows = int(file.metadata.num_rows)

    def blocks(self, names: Collection[str]) -> Iterator[Columns]:
        """See `row_blocks.BlockColumns`."""
        from pyarrow import lib, parquet

        step = max(1, min(_MOST_ROWS, _CELLS_A_BLOCK // max(1, len(names))))
        known: dict[object, str | None] = {None: None}
        try:
            file = parquet.ParquetFile(self._file, page_checksum_verification=True, **PIECE_BY_PIECE)
            for batch in file.iter_batches(step, columns=list(names)):
                yield {name: _values(batch.column(name), known) for name in names}
        except (OSError, lib.ArrowException) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> DataError:
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        return DataError(f"{self._path}: was damaged ({error}) and has been deleted; the same command makes it again")

    def _read(self, name: str) -> NDArray[Any]:
        grown: GrowingColumn | None = None
        for block in self.blocks([name]):
            grown = grown or GrowingColumn(block[name].dtype)
            grown.add(block[name])
        return np.empty(0) if grown is None else grown.values()


def _values(cells: Any, known: dict[object, str | None]) -> NDArray[Any]:
    """Values as in a table; equal texts share one object."""
    from pyarrow import types

    if types.is_floating(cells.type):
        numbers: NDArray[Any] = cells.to_numpy(zero_copy_only=False)
        return numbers
    encoded = cells if types.is_dictionary(cells.type) else cells.dictionary_encode()
    texts = [known.setdefault(text, text) for text in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    found: NDArray[Any] = np.array([*texts, None], object)[codes]
    return found
