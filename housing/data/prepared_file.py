"""A dataset's checked rows as one Parquet file, without those left out, with values as in a table."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from housing.data.description import Dataset, Identifier
from housing.data.reading import Reading
from housing.data.stored_columns import PreparedColumns
from housing.data.told import Told

_ROWS_A_GROUP = 64_000


def write(dataset: Dataset, reading: Reading, path: Path, told: Told) -> int:
    """Write all rows of a reading; returns their number. After a fault the file is unusable."""
    rows = _written(reading, path, told)
    reading.note_emptiness(rows)
    reading.raise_faults()
    columns = PreparedColumns(path)
    for name, column in dataset.columns.items():
        if isinstance(column, Identifier):
            reading.note_repeated(name, columns[name])
    reading.raise_faults()
    return rows


def write_held(columns: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write columns that are in memory."""
    rows = len(next(iter(columns.values())))
    writer = _Writer(path, columns)
    try:
        for start in range(0, rows, _ROWS_A_GROUP):
            writer.add({name: values[start : start + _ROWS_A_GROUP] for name, values in columns.items()})
    finally:
        writer.close()


def _written(reading: Reading, path: Path, told: Told) -> int:
    writer: _Writer | None = None
    rows = 0
    try:
        for piece in reading.pieces():
            if piece.columns:
                writer = writer or _Writer(path, piece.columns)
                writer.add(piece.columns)
                rows += piece.rows
            told(f"{rows:,} rows", piece.share)
        if writer is not None:
            writer.close()
    except BaseException:
        if writer is not None:
            with suppress(OSError):
                writer.close()
        raise
    return rows


class _Writer:
    def __init__(self, path: Path, columns: Mapping[str, NDArray[Any]]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        fields = [
            pa.field(name, pa.string() if values.dtype == object else pa.float64(), nullable=values.dtype == object)
            for name, values in columns.items()
        ]
        texts = [field.name for field in fields if field.nullable]
        self._schema = pa.schema(fields)
        compression: Any = {field.name: "zstd" if field.nullable else "lz4" for field in fields}
        self._writer = parquet.ParquetWriter(
            path,
            self._schema,
            use_dictionary=texts,
            compression=compression,
            write_statistics=False,
            write_page_checksum=True,
        )
        self._held: list[Any] = []
        self._rows = 0

    def add(self, columns: Mapping[str, NDArray[Any]]) -> None:
        import pyarrow as pa

        arrays = [pa.array(columns[field.name], field.type) for field in self._schema]
        self._held.append(pa.record_batch(arrays, schema=self._schema))
        self._rows += len(arrays[0])
        if self._rows >= _ROWS_A_GROUP:
            self._flush()

    def close(self) -> None:
        try:
            self._flush()
        finally:
            self._writer.close()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._held:
            held, self._held, self._rows = self._held, [], 0
            self._writer.write_table(pa.Table.from_batches(held), row_group_size=2 * _ROWS_A_GROUP)
