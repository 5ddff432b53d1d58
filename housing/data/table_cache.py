"""What is known of a source once it has been read and checked, kept for the next command over the same files.

Beside what was counted there may be the table itself, as Parquet. Both are named by the state of the files and by what
the dataset says of their reading, so that they are made anew whenever one of these changes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from housing import files
from housing.data.description import Dataset
from housing.data.file_states import look
from housing.data.raw_files import RawSource
from housing.errors import DataError

CACHE = Path(".housing") / "cache" / "tables"
_FORMAT = 1
_NOT_OF_READING = ("name", "split", "storage", "label_unit", "task", "positive", "quantiles")


@dataclass(frozen=True)
class Known:
    """Of a source that was read once. `source` names it, for the files that were made of its earlier states."""

    source: str
    rows: int
    digest: str
    left_out: Mapping[str, int]
    has_file: bool


class TableCache:
    """The entry of one state of one source."""

    def __init__(self, dataset: Dataset, source: RawSource, names: list[str]) -> None:
        self._source = source
        self._state = self._seen()
        of_reading = [(field.name, getattr(dataset, field.name)) for field in fields(dataset)]
        told = repr([pair for pair in of_reading if pair[0] not in _NOT_OF_READING])
        whole = f"{_FORMAT}\0{self._state}\0{told}\0{names}"
        self._name = hashlib.sha256(whole.encode()).hexdigest()[:24]

    @property
    def file(self) -> Path:
        """Where the table is, or goes."""
        return CACHE / f"{self._name}.parquet"

    def known(self) -> Known | None:
        """What an earlier command has learnt; None where nothing whole is there."""
        try:
            found = Known(**json.loads(self._facts.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return None if found.has_file and not self.file.is_file() else found

    def keep(self, known: Known) -> None:
        """For later commands; entries of earlier states of the source are removed."""
        with suppress(OSError):  # it is known to this command all the same
            CACHE.mkdir(parents=True, exist_ok=True)
            files.write(self._facts, json.dumps(asdict(known)))
        for facts in CACHE.glob("*.json"):
            if facts != self._facts and _source_of(facts) == known.source:
                facts.unlink(missing_ok=True)
                facts.with_suffix(".parquet").unlink(missing_ok=True)

    def refuse_change(self) -> None:
        """Raises DataError where a file is no longer what it was when this was opened."""
        if self._source.sql is None and self._seen() != self._state:
            raise DataError(f"{self._source.text}: has changed while it was read; ask again once it stays as it is")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes from making the same file; what one of them left unfinished is removed first."""
        try:
            CACHE.mkdir(parents=True, exist_ok=True)
            with files.locked(CACHE / f"{self._name}.lock", temporary=True):
                for left in CACHE.glob(f".{self.file.name}.*"):
                    left.unlink(missing_ok=True)
                yield
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DataError(
                    f"{CACHE.absolute()}: the disk is full, and nothing of the table was kept; free some space, or "
                    "set dataset.storage=memory"
                ) from None
            raise DataError(f"{CACHE.absolute()}: cannot be written: {error.strerror or error}") from None

    @property
    def _facts(self) -> Path:
        return CACHE / f"{self._name}.json"

    def _seen(self) -> str:
        if self._source.sql is not None:  # nobody knows whether its rows have changed: they are read each time
            return str(time.time_ns())
        return repr([(look(part.path), dict(part.values)) for part in self._source.parts])


def _source_of(facts: Path) -> str | None:
    try:
        return str(json.loads(facts.read_text(encoding="utf-8"))["source"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
