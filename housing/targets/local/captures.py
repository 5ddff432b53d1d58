"""Captured requests as files in the host's folder: `captures/<endpoint>/<variant>/<time of creation>.records`.

A request is only appended to a list; `WRITES_EVERY_S` after the first one, all of them are written together, unparsed
(`exchanges`). A server that is killed loses the requests since the last write; one that is stopped, or asked to, writes
all of them. Each variant keeps only its latest files; they are deleted with the endpoint.
"""

from __future__ import annotations

import bisect
import logging
import os
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from housing.errors import DataError, DeploymentError
from housing.monitoring import captured as lines
from housing.monitoring.captured import CapturedRows
from housing.targets.local import exchanges
from housing.targets.local.exchanges import Exchange

_log = logging.getLogger(__name__)


WRITES_EVERY_S = 0.02
_MOST_BYTES = 1 << 20
"""Bytes that may wait in memory."""
_MOST_AT_ONCE = 256
"""Exchanges in one write: three pieces each, of which the system accepts 1,024."""
_LINES, _RECORDS = ".jsonl", ".records"
"""The suffix of earlier servers' files, in SageMaker's format; that of this one's."""


@dataclass
class _Open:
    descriptor: int
    written: int = 0


class Captures:
    """Writes captures, for one process and one thread at a time. A full disk loses captures, but fails no request.

    A variant keeps its latest `files`; a new one is begun when one has reached `file_bytes`. `later` calls a function
    after so many seconds; without it each request is written at once.
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
        self._is_awaited = False

    def add_some(
        self,
        percent: float,
        endpoint: str,
        variant: str,
        *,
        rows: bytes,
        answer: bytes,
        content_types: tuple[str, str],
        model: str | None,
    ) -> None:
        """Capture an exchange of now, if it is drawn to be among so many percent of all."""
        if percent >= 100 or (percent and random.random() * 100 < percent):
            self.add(endpoint, variant, Exchange(rows, answer, content_types, time.time(), model))

    def add(self, endpoint: str, variant: str, exchange: Exchange) -> None:
        key = endpoint, variant
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = []
        waiting.append(exchange)
        self._bytes += len(exchange.rows) + len(exchange.answer)
        if self._later is None or self._bytes > _MOST_BYTES:
            self.flush()
        elif not self._is_awaited:
            self._is_awaited = True
            self._later(WRITES_EVERY_S, self.flush)

    def flush(self) -> None:
        """Write what is waiting."""
        waiting, self._waiting, self._bytes, self._is_awaited = self._waiting, {}, 0, False
        for key, kept in waiting.items():
            done = 0
            while done < len(kept):
                done += self._written(key, kept[done : done + _MOST_AT_ONCE])

    def _written(self, key: tuple[str, str], waiting: list[Exchange]) -> int:
        """Write to the current file; returns how many exchanges are done, written or given up: at least one."""
        try:
            file = self._open.get(key) or self._begin(key)
            pieces: list[bytes] = []
            ends, size = [], 0
            for exchange in waiting:
                head, rows, answer = exchange.pieces()
                pieces += (head, rows, answer)
                size += len(head) + len(rows) + len(answer)
                ends.append(size)
                if file.written + size >= self._file_bytes:
                    break
            written = os.writev(file.descriptor, pieces)
        except OSError as error:
            _log.error("%s: %s: a request is not captured: %s", *key, error)
            self._end(key)
            return 1
        whole = bisect.bisect_right(ends, written)
        file.written += written
        # An exchange that was written only in part must be the last of its file.
        if whole < len(ends) or file.written >= self._file_bytes:
            self._end(key)
        return whole + (whole < len(ends))

    def forget(self, endpoint: str) -> None:
        """Remove what an endpoint has captured."""
        self.leave(endpoint)
        shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def leave(self, endpoint: str) -> None:
        """Write what waits, and hold no file of it open."""
        self.flush()
        for key in [key for key in self._open if key[0] == endpoint]:
            self._end(key)

    def close(self) -> None:
        self.flush()
        for key in list(self._open):
            self._end(key)

    def _begin(self, key: tuple[str, str]) -> _Open:
        folder = self._folder.joinpath(*key)
        folder.mkdir(parents=True, exist_ok=True)
        for old in _files(folder)[: 1 - self._files]:
            old.unlink(missing_ok=True)
        path = folder / f"{time.time_ns():020d}{_RECORDS}"
        file = self._open[key] = _Open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return file

    def _end(self, key: tuple[str, str]) -> None:
        if file := self._open.pop(key, None):
            os.close(file.descriptor)


def captured(folder: Path, endpoint: str, variants: Iterable[str]) -> list[CapturedRows]:
    """What these variants captured, for each the oldest first; safe while a server writes. Raises DeploymentError."""
    found: list[CapturedRows] = []
    for variant in variants:
        of_variant: list[CapturedRows] = []
        for path in _files(folder / endpoint / variant):
            try:
                content = path.read_bytes()
                read = exchanges.read(content, variant) if path.suffix == _RECORDS else _lines(content, variant)
                of_variant += read
            except FileNotFoundError:
                # It was the oldest file, which a server has just replaced by a new one.
                continue
            except (OSError, DataError) as error:
                raise DeploymentError(f"{path} cannot be read: {error}; remove it") from error
        # Each process of an endpoint writes files of its own.
        found += sorted(of_variant, key=lambda rows: rows.at_s)
    return found


def _lines(content: bytes, variant: str) -> Iterator[CapturedRows]:
    return lines.read(content.decode(errors="replace"), variant)


def _files(folder: Path) -> list[Path]:
    """A variant's files, the oldest first."""
    return sorted(path for path in folder.glob("*") if path.suffix in (_LINES, _RECORDS))
