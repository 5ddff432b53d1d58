"""What an endpoint captures, as files in the host's folder: `captures/<endpoint>/<variant>/<when it began>.jsonl`.

Requests are written together, `WRITES_EVERY_S` after the first of them, which costs a fraction of what each would cost
alone. A server that is killed loses what it answered since then; one that is ended, or asked, writes all of it. Each
variant keeps its latest files only; they go with the endpoint.
"""

from __future__ import annotations

import bisect
import itertools
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from housing.errors import DataError, DeploymentError
from housing.monitoring.captured import CapturedRows, line, read

_log = logging.getLogger(__name__)


WRITES_EVERY_S = 0.02
_MOST_BYTES = 1 << 20
"""That wait in memory."""


class Exchange(NamedTuple):
    """A request, its answer, and the version that answered; both bodies are UTF-8."""

    rows: bytes
    content_type: str
    answer: bytes
    answer_type: str
    at_s: float
    model: str

    def line(self) -> bytes:
        """As it stands in a file."""
        rows, content_type, answer, answer_type, at_s, model = self
        return line(rows, content_type, answer=answer, answer_type=answer_type, at_s=at_s, model=model)


@dataclass
class _Open:
    descriptor: int
    written: int = 0


class Captures:
    """The writing side, for one process and one thread at a time. A full disk costs lines, not requests.

    A variant keeps its latest `files`, each of which ends when it has reached `file_bytes`. `later` calls a function
    after some seconds; without it each request is written at once.
    """

    def __init__(
        self,
        folder: Path,
        *,
        later: Callable[[float, Callable[[], None]], object] | None = None,
        files: int = 8,
        file_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        self._folder = folder
        self._files = files
        self._file_bytes = file_bytes
        self._open: dict[tuple[str, str], _Open] = {}
        self._later = later
        self._waiting: dict[tuple[str, str], list[Exchange]] = {}
        self._bytes = 0

    def add(self, endpoint: str, variant: str, exchange: Exchange) -> None:
        is_first = not self._waiting
        self._waiting.setdefault((endpoint, variant), []).append(exchange)
        self._bytes += len(exchange.rows) + len(exchange.answer)
        if self._later is None or self._bytes > _MOST_BYTES:
            self.flush()
        elif is_first:
            self._later(WRITES_EVERY_S, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting, self._bytes = self._waiting, {}, 0
        for key, exchanges in waiting.items():
            lines = [exchange.line() for exchange in exchanges]
            while lines:
                lines = lines[self._written(key, lines) :]

    def _written(self, key: tuple[str, str], lines: list[bytes]) -> int:
        """How many lines the present file has taken, or are given up; one at least."""
        try:
            file = self._open.get(key) or self._begin(key)
            ends = list(itertools.accumulate(map(len, lines), initial=file.written))[1:]
            count = min(bisect.bisect_left(ends, self._file_bytes) + 1, len(lines))
            written = os.write(file.descriptor, b"".join(lines[:count]))
        except OSError as error:
            _log.error("%s: %s: a request is not captured: %s", *key, error)
            self._end(key)
            return 1
        whole = bisect.bisect_right(ends, file.written + written, hi=count)
        file.written += written
        # A line that the disk took only a part of must be the last of its file.
        if whole < count or file.written >= self._file_bytes:
            self._end(key)
        return whole + (whole < count)

    def forget(self, endpoint: str) -> None:
        """Remove what it captured."""
        self.flush()
        for key in [key for key in self._open if key[0] == endpoint]:
            self._end(key)
        shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def close(self) -> None:
        self.flush()
        for key in list(self._open):
            self._end(key)

    def _begin(self, key: tuple[str, str]) -> _Open:
        folder = self._folder.joinpath(*key)
        folder.mkdir(parents=True, exist_ok=True)
        for old in _files(folder)[: 1 - self._files]:
            old.unlink(missing_ok=True)
        path = folder / f"{time.time_ns():020d}.jsonl"
        file = self._open[key] = _Open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return file

    def _end(self, key: tuple[str, str]) -> None:
        if file := self._open.pop(key, None):
            os.close(file.descriptor)


def captured(folder: Path, endpoint: str, variants: Iterable[str]) -> list[CapturedRows]:
    """What these variants captured, each's oldest first; also while a server writes. Raises DeploymentError."""
    found: list[CapturedRows] = []
    for variant in variants:
        for path in _files(folder / endpoint / variant):
            try:
                found += read(path.read_text(encoding="utf-8"), variant)
            except FileNotFoundError:
                # It was the oldest, and a server has begun a new one meanwhile.
                continue
            except (OSError, DataError) as error:
                raise DeploymentError(f"{path} cannot be read: {error}; remove it") from error
    return found


def _files(folder: Path) -> list[Path]:
    """Oldest first."""
    return sorted(folder.glob("*.jsonl"))
