"""What an endpoint captures, as files in the host's folder: `captures/<endpoint>/<variant>/<when it began>.jsonl`.

A line is in its file before the next request of its variant is answered, so that a killed server loses none. Each
variant keeps its latest files only; they go with the endpoint.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from housing.errors import DataError, DeploymentError
from housing.monitoring.captured import CapturedRows, read

_log = logging.getLogger(__name__)


@dataclass
class _Open:
    descriptor: int
    written: int = 0


class Captures:
    """The writing side, for one process and one thread at a time. A full disk costs lines, not requests.

    A variant keeps its latest `files`, each of which ends when it has reached `file_bytes`.
    """

    def __init__(self, folder: Path, *, files: int = 8, file_bytes: int = 4 * 1024 * 1024) -> None:
        self._folder = folder
        self._files = files
        self._file_bytes = file_bytes
        self._open: dict[tuple[str, str], _Open] = {}

    def add(self, endpoint: str, variant: str, line: bytes) -> None:
        key = (endpoint, variant)
        try:
            file = self._open.get(key) or self._begin(key)
            written = os.write(file.descriptor, line)
        except OSError as error:
            _log.error("%s: %s: a request is not captured: %s", endpoint, variant, error)
            self._end(key)
            return
        file.written += written
        # A line that the disk took only a part of must be the last of its file.
        if written < len(line) or file.written >= self._file_bytes:
            self._end(key)

    def forget(self, endpoint: str) -> None:
        """Remove what it captured."""
        for key in [key for key in self._open if key[0] == endpoint]:
            self._end(key)
        shutil.rmtree(self._folder / endpoint, ignore_errors=True)

    def close(self) -> None:
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
