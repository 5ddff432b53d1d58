"""Tables that were read and checked against their description, kept so that no later command does it again.

An entry says of which files, and in which state, a table was read; the table lies beside it as an Arrow file, under its
own digest. What is cut, foreign or of other code is no entry. A cache that cannot be written does no harm.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import housing
from housing.data.collected import Collected
from housing.data.file_states import FileState, look, unchanged, with_content
from housing.files import LockHeldError, cache_folder, locked, replacing, sweep, write

if TYPE_CHECKING:
    import pyarrow as pa

    from housing.data.description import Dataset
    from housing.data.file_parts import FilePart

_LEAST_BYTES = 1_000_000
"""Smaller files are read sooner than they are looked up."""

_MOST_BYTES = 10_000_000_000
_SHARE_OF_DISK = 0.25
"""Of what is free or kept already."""

_NOT_READ_BY = ("name", "label_unit", "quantiles", "positive", "split", "storage")
"""Keys of a dataset that change nothing about how its rows are read."""


class KeptTable:
    """What is kept of one dataset, whose source are these files; nothing of a database, nor of small files."""

    def __init__(self, dataset: Dataset, parts: Sequence[FilePart]) -> None:
        self._parts = parts
        self._folder = cache_folder() / "tables"
        self._states: Sequence[FileState] = ()
        self._are_settled = False
        with suppress(OSError):
            states = [look(part.path) for part in parts]
            if sum(state.size for state in states) >= _LEAST_BYTES:
                self._states = states
                # As they are now: what is written while they are read then has another time.
                self._are_settled = all(state.is_settled for state in states)
                self._entry = self._folder / f"{_key(dataset, parts)}.json"

    def fetch(self) -> Collected | None:
        """The table of files that are as they were; None where none is kept."""
        if not self._states:
            return None
        with suppress(OSError, ValueError, TypeError, KeyError):
            entry = json.loads(self._entry.read_bytes())
            files = [FileState(**state) for state in entry["files"]]
            if [state.path for state in files] != [state.path for state in self._states]:
                return None
            now = unchanged(files)
            if now is None:
                return None
            file = self._folder / f"{entry['digest']}.arrow"
            found = Collected(_columns(file), entry["source"], entry["left_out"])
            if found.digest != entry["digest"]:
                return None
            with suppress(OSError):
                if now != files and self._are_settled:
                    self._write_entry(found, now)
                for used in (self._entry, file):
                    os.utime(used)
            return found
        return None

    def keep(self, found: Collected) -> None:
        """Unless a file was written to in the seconds before: what it held when it was read is not known then."""
        if not self._are_settled:
            return
        with suppress(OSError, LockHeldError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Who finds another at work has lost nothing: the next command keeps it.
            with locked(self._folder / ".lock", wait_s=0):
                sweep(self._folder)
                self._write(found)

    def _write(self, found: Collected) -> None:
        size, limit = sum(map(_bytes_of, found.columns.values())), _limit(self._folder)
        states = [] if size > limit else [with_content(state) for state in self._states]
        whole = [state for state in states if state is not None]
        if len(whole) < len(self._states):
            return
        _make_room(self._folder, limit - size)
        file = self._folder / f"{found.digest}.arrow"
        with replacing(file, mode=0o600) as out:
            _write_columns(found.columns, out)
        self._write_entry(found, whole)

    def _write_entry(self, found: Collected, states: Sequence[FileState]) -> None:
        entry = {
            "files": [asdict(state) for state in states],
            "digest": found.digest,
            "source": found.source,
            "left_out": dict(found.left_out),
        }
        write(self._entry, json.dumps(entry), mode=0o600)


def _key(dataset: Dataset, parts: Sequence[FilePart]) -> str:
    """Of all that the table depends on but the content of its files."""
    description = {one.name: repr(getattr(dataset, one.name)) for one in fields(dataset)}
    depends_on = (
        [housing.__version__, *_code()],
        {name: text for name, text in description.items() if name not in _NOT_READ_BY},
        list(dataset.split.columns),
        [(str(part.path.absolute()), dict(part.values)) for part in parts],
    )
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:32]


def _code() -> Iterator[str]:
    """What stands for the code that reads: another installation, or a changed checkout, reads anew."""
    import pyarrow as pa

    yield pa.__version__
    for file in sorted(Path(__file__).parent.glob("*.py")):
        state = file.stat()
        yield f"{file.name} {state.st_size} {state.st_mtime_ns}"


def _limit(folder: Path) -> float:
    kept = sum(file.stat().st_size for file in folder.glob("*.arrow"))
    return min(_MOST_BYTES, _SHARE_OF_DISK * (shutil.disk_usage(folder).free + kept))


def _make_room(folder: Path, most_bytes: float) -> None:
    """Remove the tables that were used longest ago, and entries of no table."""
    tables = sorted(folder.glob("*.arrow"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in tables:
        total += file.stat().st_size
        if total > most_bytes:
            file.unlink()
    left = {file.stem for file in folder.glob("*.arrow")}
    for entry in folder.glob("*.json"):
        if _digest_in(entry) not in left:
            entry.unlink()


def _digest_in(entry: Path) -> str | None:
    with suppress(ValueError, TypeError, KeyError):
        return str(json.loads(entry.read_bytes())["digest"])
    return None


def _bytes_of(values: NDArray[Any]) -> int:
    # Texts take no more than this in the file, where they are levels or names.
    return values.nbytes if values.dtype != object else 32 * len(values)


def _write_columns(columns: Mapping[str, NDArray[Any]], out: Any) -> None:
    import pyarrow as pa

    names = list(columns)
    arrays = [_stored(columns[name]) for name in names]
    batch = pa.RecordBatch.from_arrays(arrays, names=names)
    with pa.ipc.new_file(out, batch.schema) as writer:
        writer.write_batch(batch)


def _stored(values: NDArray[Any]) -> pa.Array:
    import pyarrow as pa

    if values.dtype != object:
        return pa.array(values)
    texts = pa.array(values, pa.large_string())
    levels = texts.dictionary_encode()
    return levels if len(levels.dictionary) <= len(texts) // 2 else texts


def _columns(file: Path) -> dict[str, NDArray[Any]]:
    """Raises OSError or ValueError on what is no such file."""
    import pyarrow as pa

    with pa.memory_map(str(file)) as mapped, pa.ipc.open_file(mapped) as reader:
        batch = reader.get_batch(0)
    return {name: _loaded(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _loaded(column: pa.Array) -> NDArray[Any]:
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        found: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return found
    texts = np.array([*column.dictionary.to_pylist(), None], object)
    shared: NDArray[Any] = texts[column.indices.fill_null(len(texts) - 1).to_numpy(zero_copy_only=False)]
    return shared
