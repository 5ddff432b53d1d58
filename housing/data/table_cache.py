"""Tables that were read and checked against their description, kept so that no later command does it again.

An entry says of which files, and in which state, a table was read, and what was found. The table itself lies beside it
as Parquet, but for files that are Parquet or Arrow themselves. What is cut, foreign or of other code is no entry.
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
from housing.errors import DataError

_MOST_BYTES = 10_000_000_000
_SHARE_OF_DISK = 0.25
"""Of what is free or kept already."""

_MOST_ENTRIES = 1_000
_MOST_HASHED_BYTES = 2_000_000_000
"""Larger sources are known by their times alone."""

_NOT_READ_BY = ("name", "label_unit", "quantiles", "positive", "split", "storage")
"""Keys of a dataset that change nothing about how its rows are read."""


def folder() -> Path:
    """Where tables are kept, and encoded rows lie while a command runs; may not exist."""
    return files.cache_folder() / "tables"


@dataclass(frozen=True)
class Known:
    """Of a source that was read once; `digest` is that of its columns. `file`: what was made of it."""

    rows: int
    digest: str
    left_out: Mapping[str, int]
    file: Path | None


class TableCache:
    """What is kept of one dataset, whose source is this one; nothing of a database, which changes without a sign."""

    def __init__(self, dataset: Dataset, source: RawSource) -> None:
        """Raises DataError for files that are gone."""
        self._source = source
        self._folder = folder()
        self._name = _name(dataset, source) if source.sql is None else f"database-{secrets.token_hex(8)}"
        self._states = self._look()

    @property
    def source_bytes(self) -> int:
        """Of its files; 0 of a database."""
        return sum(state.size for state in self._states)

    def known(self) -> Known | None:
        """What an earlier command has found in files that are as they were; None where nothing whole is there."""
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
                os.utime(self._entry)  # what was used longest ago is removed first
            return known
        return None

    def note_content(self) -> None:
        """Before the source is read: its content, for the time when its times no longer say that it is the same."""
        if self._source.sql is None and self.source_bytes <= _MOST_HASHED_BYTES:
            with suppress(OSError):  # whoever reads it says what is wrong
                self._states = [with_content(state) for state in self._states]

    def keep(self, known: Known) -> Known:
        """For later commands, with its file under its own name. Raises OSError, and DataError for a changed source."""
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
        """Raises DataError where a file is no longer what it was when this was opened."""
        if not all(now.is_like(before) for now, before in zip(self._look(), self._states, strict=True)):
            raise DataError(f"{self._source.text}: has changed while it was read; ask again once it stays as it is")

    def has_room_for(self, size: int) -> bool:
        """Whether so many bytes may be kept."""
        return size <= self._limit()

    @contextmanager
    def alone(self, *, waits: bool) -> Iterator[Path]:
        """A file to write the table to, which is removed at the end unless it was kept; no other process writes it.

        Raises LockHeldError where one does and this one does not wait, and OSError.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with files.locked(self._lock(self._name), wait_s=float("inf") if waits else 0, temporary=True):
            self._sweep()
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

    def _sweep(self) -> None:
        """Remove what killed commands left half done: of the same table, and of all that nobody is at work on."""
        for left in [*self._folder.glob(".*.tmp"), *self._folder.glob("*.parquet")]:
            name = left.name.removeprefix(".").partition(".")[0]
            is_of_an_entry = left.suffix == ".parquet" and (self._folder / f"{name}.json").exists()
            if not is_of_an_entry and (name == self._name or not files.is_held(self._lock(name))):
                left.unlink(missing_ok=True)

    def _limit(self) -> float:
        kept = sum(size for _, size in _sizes(self._folder).values())
        existing = next(one for one in (self._folder, *self._folder.parents) if one.exists())
        return min(_MOST_BYTES, _SHARE_OF_DISK * (shutil.disk_usage(existing).free + kept))

    def _make_room(self) -> None:
        """Remove the tables that were used longest ago; never the one that was just kept."""
        limit, total = self._limit(), 0
        newest_first = sorted(_sizes(self._folder).items(), key=lambda item: item[1][0], reverse=True)
        for number, (name, (_, size)) in enumerate(newest_first):
            total += size
            if name != self._name and (total > limit or number >= _MOST_ENTRIES):
                (self._folder / f"{name}.json").unlink(missing_ok=True)
                for table in self._folder.glob(f"{name}.*.parquet"):
                    table.unlink(missing_ok=True)


@contextmanager
def cannot_be_written(what: str) -> Iterator[None]:
    """Raises DataError in place of OSError."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise DataError(
            f"{folder()}: {why}, so {what} cannot be written and nothing of it was kept; free some space, let "
            "XDG_CACHE_HOME name a folder on a larger disk, or set dataset.storage=memory"
        ) from None


def _name(dataset: Dataset, source: RawSource) -> str:
    """Of all that the table depends on but the state of its files."""
    description = {one.name: repr(getattr(dataset, one.name)) for one in fields(dataset)}
    depends_on = (
        [housing.__version__, *_code()],
        {name: text for name, text in description.items() if name not in _NOT_READ_BY},
        list(dataset.split.columns),
        [(str(part.path.absolute()), dict(part.values)) for part in source.parts],
    )
    return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:32]


def _code() -> Iterator[str]:
    """What stands for the code that reads: another installation, or a changed checkout, reads anew."""
    import pyarrow as pa

    yield pa.__version__
    for file in sorted(Path(__file__).parent.glob("*.py")):
        state = file.stat()
        yield f"{file.name} {state.st_size} {state.st_mtime_ns}"


def _sizes(kept: Path) -> dict[str, tuple[float, int]]:
    """By name, when each entry was used last and how large its table is."""
    tables: Counter[str] = Counter()
    found: dict[str, tuple[float, int]] = {}
    with suppress(OSError):  # another command removes some meanwhile
        for table in kept.glob("*.parquet"):
            tables[table.name.partition(".")[0]] += table.stat().st_size
        for entry in kept.glob("*.json"):
            found[entry.stem] = (entry.stat().st_mtime, tables[entry.stem])
    return found
