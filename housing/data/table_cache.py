"""A cache of tables that were read and checked, so that later commands need not do it again.

An entry records the files, with their states, and what was found in them. The table itself is stored next to it as
Parquet, unless the source's files are Parquet or Arrow. Damaged entries, and those of other code, are ignored.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import housing
from housing import files
from housing.data.description import Dataset
from housing.data.file_states import FileState, look, unchanged, with_content
from housing.data.raw_files import RawSource
from housing.data.told import Told
from housing.errors import DataError

_MOST_BYTES = 10_000_000_000
_SHARE_OF_DISK = 0.25
"""The cache's maximum, as a share of free space plus its own size."""

_MOST_ENTRIES = 1_000
_MOST_HASHED_BYTES = 2_000_000_000
"""Larger sources are recognised by times and sizes alone."""

_NOT_READ_BY = ("name", "label_unit", "quantiles", "positive", "split", "storage")
"""Keys of a dataset that change nothing about how its rows are read."""


def folder() -> Path:
    """The folder of cached tables, and of encoded rows while a command runs; may not exist."""
    return files.cache_folder() / "tables"


@dataclass(frozen=True)
class Known:
    """What is known of a source; `digest` is that of its columns, `file` the Parquet file made from it."""

    rows: int
    digest: str
    left_out: Mapping[str, int]
    file: Path | None


class TableCache:
    """The cache of one dataset and source; never used for databases, whose changes cannot be detected."""

    def __init__(self, dataset: Dataset, source: RawSource) -> None:
        """Raises DataError where files are missing."""
        self._source = source
        self._folder = folder()
        self._name = _name(dataset, source) if source.sql is None else f"database-{secrets.token_hex(8)}"
        self._states = self._look()

    @property
    def source_bytes(self) -> int:
        """The size of the source's files; 0 for a database."""
        return sum(state.size for state in self._states)

    def known(self) -> Known | None:
        """What an earlier command found, if the files are unchanged; None where there is no valid entry."""
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            entry = json.loads(self._entry.read_bytes())
            states = [FileState(**state) for state in entry["files"]]
            if not states or [state.path for state in states] != [state.path for state in self._states]:
                return None
            now = unchanged(states)
            if now is None:
                return None
            file = self._file(entry["digest"]) if entry["has_file"] else None
            known = Known(int(entry["rows"]), str(entry["digest"]), dict(entry["left_out"]), file)
            if file is not None and not file.is_file():
                return None
            with suppress(OSError):
                if [asdict(state) for state in now] != entry["files"]:
                    self._write_entry(known, now)
                os.utime(self._entry)  # the least recently used entry is removed first
            return known
        return None

    def note_content(self) -> None:
        """Call before the source is read: hashes its content, so that it is recognised even when its times change."""
        if self._source.sql is None and self.source_bytes <= _MOST_HASHED_BYTES:
            with suppress(OSError):  # reported when it is read
                self._states = [with_content(state) for state in self._states]

    def keep(self, known: Known) -> Known:
        """Store for later commands; renames the file to its final name. Raises OSError, and DataError for a changed
        source.
        """
        self.refuse_change()
        if self._source.sql is not None:
            return known
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if known.file is not None:
            kept = self._file(known.digest)
            files.install(known.file, kept)
            known = Known(known.rows, known.digest, known.left_out, kept)
        self._write_entry(known, self._states)
        for old in self._folder.glob(f"{self._name}.*.parquet"):
            if old != known.file:
                old.unlink(missing_ok=True)
        self._make_room()
        return known

    def refuse_change(self) -> None:
        """Raises DataError where a file has changed since this object was made."""
        if not all(now.is_like(before) for now, before in zip(self._look(), self._states, strict=True)):
            raise DataError(f"{self._source.text}: has changed while it was read; ask again once it stays as it is")

    def has_room_for(self, size: int) -> bool:
        """Whether a table of `size` bytes may be cached."""
        return size <= self._limit()

    @contextmanager
    def alone(self, told: Told, *, waits: bool) -> Iterator[Path]:
        """The path to write the table to, under a lock; the file is removed at the end unless `keep` stored it.

        Raises LockHeldError where another process has the lock and `waits` is False, and OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with files.locked(self._lock(self._name), wait_s=float("inf") if waits else 0, temporary=True):
            if left := self._sweep():
                told.remark(_removed(left))
            unfinished = self._folder / f".{self._name}.{secrets.token_hex(4)}.tmp"
            os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            try:
                yield unfinished
            finally:
                unfinished.unlink(missing_ok=True)

    @property
    def _entry(self) -> Path:
        return self._folder / f"{self._name}.json"

    def _file(self, digest: str) -> Path:
        return self._folder / f"{self._name}.{digest[:16]}.parquet"

    def _lock(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def _look(self) -> list[FileState]:
        try:
            return [look(part.path) for part in self._source.parts]
        except OSError as error:
            raise DataError(f"{error.filename}: cannot be read: {error.strerror}") from None

    def _write_entry(self, known: Known, states: Sequence[FileState]) -> None:
        entry = {
            "source": self._source.text,
            "files": [asdict(state) for state in states],
            "rows": known.rows,
            "digest": known.digest,
            "left_out": dict(known.left_out),
            "has_file": known.file is not None,
        }
        files.write(self._entry, json.dumps(entry), mode=0o600)

    def _sweep(self) -> list[int]:
        """Remove unfinished files of killed commands: of this table, and of all others without a lock.

        Returns the size of each in bytes.
        """
        removed = []
        for left in [*self._folder.glob(".*.tmp"), *self._folder.glob("*.parquet")]:
            name = left.name.removeprefix(".").partition(".")[0]
            is_of_an_entry = left.suffix == ".parquet" and (self._folder / f"{name}.json").exists()
            if not is_of_an_entry and (name == self._name or not files.is_held(self._lock(name))):
                with suppress(FileNotFoundError):
                    size = left.stat().st_size
                    left.unlink()
                    removed.append(size)
        return removed

    def _limit(self) -> float:
        kept = sum(size for _, size in _sizes(self._folder).values())
        existing = next(one for one in (self._folder, *self._folder.parents) if one.exists())
        return min(_MOST_BYTES, _SHARE_OF_DISK * (shutil.disk_usage(existing).free + kept))

    def _make_room(self) -> None:
        """Remove the least recently used tables; never the one that was just stored."""
        limit, total = self._limit(), 0
        newest_first = sorted(_sizes(self._folder).items(), key=lambda item: item[1][0], reverse=True)
        for number, (name, (_, size)) in enumerate(newest_first):
            total += size
            if name != self._name and (total > limit or number >= _MOST_ENTRIES):
                (self._folder / f"{name}.json").unlink(missing_ok=True)
                for table in self._folder.glob(f"{name}.*.parquet"):
                    table.unlink(missing_ok=True)


def _removed(sizes: Sequence[int]) -> str:
    files = "1 unfinished file" if len(sizes) == 1 else f"{len(sizes):,} unfinished files"
    return f"removed {files} ({sum(sizes) / 1e6:,.1f} MB) that a command which was killed had left in {folder()}"


@contextmanager
def cannot_be_written(what: str) -> Iterator[None]:
    """Turn an OSError into a DataError that says what could not be written."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise DataError(
            f"{folder()}: {why}, so {what} cannot be written and nothing of it was kept; free some space, let "
            "XDG_CACHE_HOME name a folder on a larger disk, or set dataset.storage=memory"
        ) from None


def _name(dataset: Dataset, source: RawSource) -> str:
    """A name made by hashing all that the table depends on, except the state of its files."""
    description = {one.name: repr(getattr(dataset, one.name)) for one in fields(dataset)}
    depends_on = (
        [housing.__version__, *_code()],
        {name: text for name, text in description.items() if name not in _NOT_READ_BY},
        list(dataset.split.columns),
        [(str(part.path.absolute()), dict(part.values)) for part in source.parts],
    )
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:32]


def _code() -> Iterator[str]:
    """Identifies the code that reads: another installation, or a changed checkout, reads the source again."""
    import pyarrow as pa

    yield pa.__version__
    for file in sorted(Path(__file__).parent.glob("*.py")):
        state = file.stat()
        yield f"{file.name} {state.st_size} {state.st_mtime_ns}"


def _sizes(kept: Path) -> dict[str, tuple[float, int]]:
    """By name, each entry's time of last use and its table's size in bytes."""
    tables: Counter[str] = Counter()
    found: dict[str, tuple[float, int]] = {}
    with suppress(OSError):  # another command removes some meanwhile
        for table in kept.glob("*.parquet"):
            tables[table.name.partition(".")[0]] += table.stat().st_size
        for entry in kept.glob("*.json"):
            found[entry.stem] = (entry.stat().st_mtime, tables[entry.stem])
    return found
