"""A table that stays on disk: read by columns and by blocks of rows, checked once, and recognised afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from housing.data import prepared_file
from housing.data.collected import Collected
from housing.data.content_digest import ContentDigest, digest_of
from housing.data.description import Dataset
from housing.data.faults import Faults
from housing.data.raw_files import RawSource, found
from housing.data.reading import Reading, collected, used_columns
from housing.data.row_blocks import BlockColumns, Columns
from housing.data.source_spec import source_text
from housing.data.stored_columns import PreparedColumns, SourceColumns
from housing.data.table import Table, table_of
from housing.data.table_cache import Known, TableCache, cannot_be_written
from housing.data.task_columns import with_task_columns
from housing.data.told import Told, untold
from housing.errors import DataError
from housing.files import LockHeldError

_READ_BY_COLUMN = ("parquet", "arrow")
_LEAST_BYTES = 1_000_000
"""Smaller files are faster to read than to look up in the cache."""


def stored(dataset: Dataset, told: Told = untold) -> Table:
    """The dataset's table on disk. Raises one DataError that lists every fault found."""
    source = found(dataset.source)
    cache = TableCache(dataset, source)
    known = cache.known()
    if is_read_in_place(dataset):
        own = SourceColumns(dataset, source, used_columns(dataset), cache.refuse_change)
        return _table(dataset, own, known or _checked(own, source, cache, told))
    columns = None if known is None else _opened(known)
    if known is None or columns is None:
        columns, known = _prepared(dataset, source, cache, told)
    return _table(dataset, columns, known)


def held(dataset: Dataset, told: Told = untold) -> Table:
    """The table in memory; a source that was read before comes from the cache."""
    source = found(dataset.source)
    if is_read_in_place(dataset):
        return table_of(collected(dataset, source), dataset)
    cache = TableCache(dataset, source)
    if cache.source_bytes < _LEAST_BYTES:
        return table_of(collected(dataset, source), dataset)
    known = cache.known()
    before = None if known is None else _held(known, dataset)
    return table_of(_collected_and_kept(dataset, source, cache, told) if before is None else before, dataset)


def made_file(dataset: Dataset) -> Path | None:
    """The Parquet file made from a source; None where its own files are read, or nothing was made yet."""
    if is_read_in_place(dataset):
        return None
    known = TableCache(dataset, found(dataset.source)).known()
    return None if known is None else known.file


def is_read_in_place(dataset: Dataset) -> bool:
    """Whether the source's own files can be read by column, so that no Parquet file need be made."""
    is_whole = dataset.where is None and dataset.label_missing == "refused" and dataset.parts is None
    return is_whole and dataset.event is None and dataset.format in _READ_BY_COLUMN


class ReplacedColumns(Mapping[str, NDArray[Any]]):
    """Columns, some of which are replaced by others in memory."""

    def __init__(self, columns: BlockColumns, replaced: Columns) -> None:
        self._columns = columns
        self._replaced = replaced

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._replaced[name] if name in self._replaced else self._columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def blocks(self, names: Collection[str]) -> Iterator[Columns]:
        """See `row_blocks.BlockColumns`."""
        begin = 0
        for block in self._columns.blocks(names):
            end = begin + len(next(iter(block.values())))
            yield {name: self._replaced[name][begin:end] if name in self._replaced else block[name] for name in names}
            begin = end


def _opened(known: Known) -> PreparedColumns | None:
    if known.file is not None:
        with suppress(DataError):  # damaged, or removed meanwhile: it is made again
            return PreparedColumns(known.file)
    return None


def _held(known: Known, dataset: Dataset) -> Collected | None:
    columns = _opened(known)
    if columns is not None:
        with suppress(DataError):
            read = Collected({name: columns[name] for name in columns}, source_text(dataset.source), known.left_out)
            return read if read.digest == known.digest else None
    return None


def _collected_and_kept(dataset: Dataset, source: RawSource, cache: TableCache, told: Told) -> Collected:
    """Read into memory and cache. A cache that cannot be written, or is being written elsewhere, is ignored."""
    cache.note_content()
    read = collected(dataset, source)
    with suppress(OSError, LockHeldError, DataError):
        if cache.has_room_for(sum(map(_bytes_of, read.columns.values()))):
            with cache.alone(told, waits=False) as unfinished:
                prepared_file.write_held(read.columns, unfinished)
                cache.keep(Known(len(next(iter(read.columns.values()))), read.digest, read.left_out, unfinished))
    return read


def _bytes_of(values: NDArray[Any]) -> int:
    # An upper estimate of texts in the file, which are levels or identifiers.
    return values.nbytes if values.dtype != object else 32 * len(values)


def _table(dataset: Dataset, columns: BlockColumns, known: Known) -> Table:
    source = source_text(dataset.source)
    asked = [dataset.group, dataset.event, dataset.weight, *([dataset.label] if dataset.event else [])]
    kept = {name: columns[name] for name in asked if name is not None}
    replaced = {
        name: values for name, values in with_task_columns(kept, dataset, source).items() if name == dataset.label
    }
    return Table(
        ReplacedColumns(columns, replaced) if replaced else columns,
        source,
        left_out=known.left_out,
        numbers=dataset.number_format,
        rows=known.rows,
        digest=known.digest if dataset.event is None else None,
        is_stored=True,
    )


def _checked(columns: SourceColumns, source: RawSource, cache: TableCache, told: Told) -> Known:
    """Check and digest the source column by column, reading each once."""
    faults, content = Faults(source.text), ContentDigest()
    rows = 0
    for number, name in enumerate(columns):
        reading = columns.reading(faults)
        if number and columns.holds_numbers(name):
            content.add_numbers(name, columns.pieces(name, reading), rows=rows)
        else:
            values = columns.read(name, reading, checks_names=number == 0)
            if number == 0:
                reading.note_emptiness(None)
            reading.note_repeated(name, values)
            rows = max(rows, len(values))
            content.add(name, values)
        told(f"{number + 1:,} of {len(columns):,} columns", (number + 1) / len(columns))
    faults.raise_any()
    known = Known(rows, content.finished({}), {}, None)
    with suppress(OSError):  # this command goes on without the cache
        cache.keep(known)
    return known


def _prepared(dataset: Dataset, source: RawSource, cache: TableCache, told: Told) -> tuple[PreparedColumns, Known]:
    with cannot_be_written("the table"), cache.alone(told, waits=True) as unfinished:
        known = cache.known()  # another process was first
        columns = None if known is None else _opened(known)
        if known is not None and columns is not None:
            return columns, known
        cache.note_content()
        reading = Reading(dataset, source=source)
        rows = prepared_file.write(dataset, reading, unfinished, told)
        columns, left_out = PreparedColumns(unfinished), dict(reading.left_out)
        known = cache.keep(Known(rows, digest_of(columns, left_out), left_out, unfinished))
        # A database's file has no name and is only kept open.
        return columns if known.file == unfinished else PreparedColumns(known.file or unfinished), known
