"""A study whose record is out of reach for a while: a tracking server that is away, a disk that is full."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.workflow.processes import Recorded, run, start, studies

NINE = ("tune", "study.name=nine", "study.trials=9", "study.parallel=3")
SLOW = (*NINE, "algorithm.num_round=150", "algorithm.early_stopping_rounds=150")

pytestmark = pytest.mark.slow


@contextmanager
def tracking_server(folder: Path, port: int) -> Iterator[None]:
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = ["server", "--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--workers", "1"]
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *command, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        until(lambda: answers(port), within_s=90)
        yield
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
            return True
    except OSError:
        return False


def until(condition: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def assert_nine(database: Path) -> None:
    (whole,) = studies(database)
    assert whole.numbers == list(range(9))
    assert "RUNNING" not in whole.statuses
    assert whole.status == "FINISHED"


def recorded(database: Path) -> Recorded | None:
    return next(iter(studies(database)), None)


def test_a_server_that_goes_away_loses_nothing(tmp_path: Path) -> None:
    """First it comes back while the study waits; then it stays away until the process has ended."""
    port, database = free_port(), tmp_path / "server.db"
    uri = f"tracking.uri=http://127.0.0.1:{port}"
    out, spool = tmp_path / "out.txt", tmp_path / ".housing" / "spool"

    with tracking_server(tmp_path, port):
        process = start(*SLOW, uri, "tracking.wait_s=3", folder=tmp_path)
        until(lambda: bool((found := recorded(database)) and found.numbers))
    process.join()
    assert process.exitcode == 1
    told = out.read_text()
    assert "wait in .housing/spool" in told
    assert "go on: housing tune study.resume=tune-nine-" in told
    waiting = list(spool.rglob("*.json"))
    assert waiting

    with tracking_server(tmp_path, port):
        (unfinished,) = studies(database)
        process = start("tune", f"study.resume={unfinished.name}", "study.trials=9", uri, folder=tmp_path)
        process.join()
        assert process.exitcode == 0, out.read_text()
        assert f"{len(waiting)} results that waited for the tracking server are recorded" in out.read_text()
    assert_nine(database)
    assert not list(spool.rglob("*.json"))


def test_a_server_that_comes_back_in_time_is_told_everything(tmp_path: Path) -> None:
    port, database = free_port(), tmp_path / "server.db"
    uri = f"tracking.uri=http://127.0.0.1:{port}"
    with tracking_server(tmp_path, port):
        process = start(*SLOW, uri, folder=tmp_path)
        until(lambda: bool((found := recorded(database)) and found.numbers))
    with tracking_server(tmp_path, port):
        process.join()
    assert process.exitcode == 0, (tmp_path / "out.txt").read_text()
    assert_nine(database)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_the_study_and_space_lets_it_go_on(small_disk: Path) -> None:
    assert run("train", folder=small_disk) == 0
    ballast, database = small_disk / "ballast", small_disk / "mlflow.db"
    process = start(*SLOW, folder=small_disk)
    until(lambda: bool((found := recorded(database)) and found.numbers))
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(b"0" * 4096)
    process.join()
    assert process.exitcode == 1
    ballast.unlink()
    (stopped,) = studies(database)
    assert len(stopped.numbers) < 9
    assert run("tune", f"study.resume={stopped.name}", folder=small_disk) == 0, (small_disk / "out.txt").read_text()
    assert_nine(database)
