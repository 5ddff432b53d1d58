"""A table that stays on disk: read by columns and by blocks of rows, checked once, and known again afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from housing.data import prepared_file
from housing.data.content_digest import ContentDigest
from housing.data.description import Dataset
from housing.data.faults import Faults
from housing.data.prepared_file import Told, untold
from housing.data.raw_files import RawSource, found
from housing.data.reading import Reading, used_columns
from housing.data.row_blocks import BlockColumns, Columns
from housing.data.source_spec import source_text
from housing.data.stored_columns import PreparedColumns, SourceColumns
from housing.data.table import Table
from housing.data.table_cache import Known, TableCache
from housing.data.task_columns import with_task_columns

_READ_BY_COLUMN = ("parquet", "arrow")


def stored(dataset: Dataset, told: Told = untold) -> Table:
    """The dataset's table, read by nobody but block by block. Raises one DataError that lists every fault found."""
    source = found(dataset.source)
    cache = TableCache(dataset, source, used_columns(dataset))
    known = cache.known()
    columns: BlockColumns
    if is_read_in_place(dataset):
        own = SourceColumns(dataset, source, used_columns(dataset), cache.refuse_change)
        known = known or _checked(own, dataset, source, cache, told)
        columns = own
    else:
        if known is None or not known.has_file:
            known = _prepared(dataset, source, cache, told)
        columns = PreparedColumns(cache.file)
    return _table(dataset, columns, known)


def prepared_before(dataset: Dataset) -> Table | None:
    """The same where an earlier command has made a file of it; else None."""
    if is_read_in_place(dataset):
        return None
    cache = TableCache(dataset, found(dataset.source), used_columns(dataset))
    known = cache.known()
    return None if known is None or not known.has_file else _table(dataset, PreparedColumns(cache.file), known)


def made_file(dataset: Dataset) -> Path | None:
    """The file that was made of a source; None where its own files are read, or nothing was made yet."""
    if is_read_in_place(dataset):
        return None
    cache = TableCache(dataset, found(dataset.source), used_columns(dataset))
    return cache.file if cache.file.is_file() else None


def is_read_in_place(dataset: Dataset) -> bool:
    """Whether its own files are read by columns: nothing need be made of them."""
    is_whole = dataset.where is None and dataset.label_missing == "refused" and dataset.parts is None
    return is_whole and dataset.event is None and dataset.format in _READ_BY_COLUMN


class ReplacedColumns(Mapping[str, NDArray[Any]]):
    """Columns of which some are others, in memory."""

    def __init__(self, columns: BlockColumns, replaced: Columns) -> None:
        self._columns = columns
        self._replaced = replaced

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._replaced[name] if name in self._replaced else self._columns[name]

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
        digest=known.digest or None,
        is_stored=True,
    )


def _checked(columns: SourceColumns, dataset: Dataset, source: RawSource, cache: TableCache, told: Told) -> Known:
    """Column by column, each read once for its cells and for the digest."""
    faults, content = Faults(source.text), ContentDigest()
    rows = 0
    for number, name in enumerate(columns):
        reading = columns.reading(faults)
        values = columns.read(name, reading, checks_names=number == 0)
        if number == 0:
            reading.note_emptiness(None)
        reading.note_repeated(name, values)
        rows = max(rows, len(values))
        content.add(name, values)
        told(rows, (number + 1) / len(columns))
    faults.raise_any()
    cache.refuse_change()
    known = Known(source_text(dataset.source), rows, content.finished({}), {}, has_file=False)
    cache.keep(known)
    return known


def _prepared(dataset: Dataset, source: RawSource, cache: TableCache, told: Told) -> Known:
    with cache.alone():
        known = cache.known()  # another process was first
        if known is not None and known.has_file:
            return known
        reading = Reading(dataset, source=source)
        rows = prepared_file.write(dataset, reading, cache.file, told)
        try:
            cache.refuse_change()
            known = Known(source_text(dataset.source), rows, "", dict(reading.left_out), has_file=True)
            known = replace(known, digest=_table(dataset, PreparedColumns(cache.file), known).digest())
        except BaseException:
            cache.file.unlink(missing_ok=True)
            raise
        cache.keep(known)
        return known
