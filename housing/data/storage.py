"""Whether a table is held in memory or stays on disk: as its dataset says, or by its size and the free memory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from housing.data.by_blocks import refused
from housing.data.description import Dataset
from housing.data.raw_files import RawSource, found
from housing.data.reading import used_columns
from housing.data.stored_table import held, stored
from housing.data.table import Table
from housing.data.told import Told, untold

_BYTES_A_CELL = 24
"""Bytes per cell: in the table, encoded, binned by XGBoost, and in temporary copies."""

_SHARE_OF_FREE = 0.5
_A_BYTE_OF = {".gz": 12.0}
_A_BYTE_OF_TEXT = 4.0
_CGROUP = Path("/sys/fs/cgroup")


def read(dataset: Dataset, told: Told = untold) -> Table:
    """The dataset's table, in memory or on disk as its `storage` says. Raises a DataError that lists every fault."""
    if place(dataset) == "disk":
        return stored(dataset, told)
    return held(dataset, told)


def place(dataset: Dataset) -> Literal["memory", "disk"]:
    """Where the dataset's table is to be kept while it is in use. Raises DataError where there is no source."""
    if dataset.storage != "auto":
        return dataset.storage
    if refused(dataset):
        return "memory"
    return "disk" if needed_bytes(dataset) > _SHARE_OF_FREE * free_bytes() else "memory"


def crowding(dataset: Dataset) -> str | None:
    """A warning for a table to be held in memory that would take more than half of what is free; else None."""
    if place(dataset) == "disk":
        return None
    needed, free = needed_bytes(dataset), free_bytes()
    if needed <= _SHARE_OF_FREE * free:
        return None
    why = refused(dataset)
    on_disk = "dataset.storage=disk leaves it on disk, or says why it cannot stay there"
    way_out = f"it cannot stay on disk: {why}" if why else on_disk
    return f"held in memory, about {needed / 1e9:.1f} GB where {free / 1e9:.1f} GB are free; {way_out}"


def needed_bytes(dataset: Dataset) -> float:
    """Approximate memory for working on the whole table at once; 0 where it cannot be estimated."""
    source = found(dataset.source)
    if dataset.format in ("parquet", "arrow"):
        return float(_rows(dataset, source)) * len(used_columns(dataset)) * _BYTES_A_CELL
    sizes = ((part.path.suffix, part.path.stat().st_size) for part in source.parts)
    return float(sum(_A_BYTE_OF.get(suffix, _A_BYTE_OF_TEXT) * size for suffix, size in sizes))


def free_bytes() -> float:
    """The memory that this process may still allocate, within the limit of its control group."""
    available = float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = 1024.0 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    with suppress(OSError, ValueError):
        most, taken = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        available = min(available, float(most - taken))
    return max(0.0, available)


def _rows(dataset: Dataset, source: RawSource) -> int:
    from pyarrow import lib, parquet

    if dataset.format != "parquet":
        sizes = [part.path.stat().st_size for part in source.parts]
        return sum(sizes) // (8 * max(1, len(dataset.columns)))
    try:
        return sum(int(parquet.read_metadata(part.path).num_rows) for part in source.parts)
    except (OSError, lib.ArrowException):
        return 0  # reported when it is read
