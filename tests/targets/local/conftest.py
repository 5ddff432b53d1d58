from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.testing.host import GOOD, OTHER
from housing.testing.models import price_bundle
from housing.training.artifact import write_bundle


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    write_bundle(folder / "1", price_bundle())
    write_bundle(folder / "2", price_bundle(rounds=10))
    return {GOOD: folder / "1", OTHER: folder / "2"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose server does not outlive the test."""
    path = tmp_path / "state"
    yield path
    end_server(path)


@pytest.fixture
def host(folder: Path) -> LocalHost:
    return LocalHost(Settings(folder=str(folder)))


def server_pid(folder: Path) -> int:
    return int(json.loads((folder / "server.json").read_text())["pid"])


def end_server(folder: Path, how: signal.Signals = signal.SIGTERM) -> None:
    """The server of this folder, and nothing else; returns when it and its workers are gone."""
    if not (folder / "server.json").exists():
        return
    pid = server_pid(folder)
    if str(folder).encode() in command_line(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
    wait_until(lambda: not processes_of(folder), "the server and its workers end")


def processes_of(folder: Path) -> list[int]:
    """Servers of the folder and everything that they started."""
    parents = {pid: int(stat.rpartition(")")[2].split()[1]) for pid, stat in _stats()}
    family = {pid for pid in parents if str(folder).encode() in command_line(pid)}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sorted(family - {os.getpid()})


def workers_of(folder: Path) -> tuple[int, list[int]]:
    """The process that forks the workers of the folder's server, and the workers."""
    python = f"{sys.executable}\0-P\0-m\0housing.targets.local.worker".encode()
    first, *others = [pid for pid in processes_of(folder) if command_line(pid).startswith(python)]
    return first, others


def _stats() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            yield int(path.parent.name), path.read_text()


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_until(reached: Callable[[], object], what: str, within_s: float = 300) -> None:
    deadline = time.monotonic() + within_s
    while not reached():
        assert time.monotonic() < deadline, f"not in {within_s} s: {what}"
        time.sleep(0.02)
