"""Studies and jobs whose record is out of reach for a while: a tracking server that is away, a disk that is full."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
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
        until(lambda: answers(port), within_s=300)
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


def until(condition: Callable[[], bool], *, within_s: float = 300) -> None:
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
    assert "to continue: housing tune study.resume=tune-nine-" in told
    waiting = list(spool.rglob("*.json"))
    assert waiting

    with tracking_server(tmp_path, port):
        (unfinished,) = studies(database)
        process = start("tune", f"study.resume={unfinished.name}", "study.trials=9", uri, folder=tmp_path)
        process.join()
        assert process.exitcode == 0, out.read_text()
        assert f"recorded now: {len(waiting)} result" in out.read_text()
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


def test_single_jobs_whose_server_goes_away_wait_on_disk_and_the_next_command_records_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of its own and two of a multirun: none is lost, none is recorded twice, and each keeps its place."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    port, database = free_port(), tmp_path / "server.db"
    uri = f"tracking.uri=http://127.0.0.1:{port}"
    long = (uri, "tracking.wait_s=1", "algorithm.num_round=400", "algorithm.early_stopping_rounds=400")
    out, spool = tmp_path / "out.txt", tmp_path / ".housing" / "spool"
    with tracking_server(tmp_path, port):
        train = start("train", *long, "name=single", folder=tmp_path)
        multirun = start("train", "-m", "algorithm.eta=0.1,0.3", *long, "name=several", folder=tmp_path)
        until(lambda: out.exists() and out.read_text().count("encoded as") == 2)
    for process in (train, multirun):
        process.join()
        assert process.exitcode == 1
    told = out.read_text()
    assert "the result is not lost: it waits in .housing/spool" in told
    assert "the next command that opens this record brings it in" in told
    assert "Traceback" not in told
    assert len(list(spool.rglob("*.json"))) == 3

    with tracking_server(tmp_path, port):
        assert run("promote", uri, "name=single", folder=tmp_path) == 0, out.read_text()
        assert "recorded now: 3 results" in out.read_text()
        assert run("compare", uri, "name=several", folder=tmp_path) == 0, out.read_text()
    with closing(sqlite3.connect(database)) as connection:
        jobs = connection.execute(
            "SELECT e.name, r.status, p.value FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id "
            "JOIN tags k ON k.run_uuid = r.run_uuid AND k.key = 'housing.kind' AND k.value = 'job' "
            "LEFT JOIN tags p ON p.run_uuid = r.run_uuid AND p.key = 'mlflow.parentRunId'"
        ).fetchall()
        groups = connection.execute("SELECT run_uuid FROM tags WHERE key = 'housing.kind' AND value = 'group'")
        ((group,),) = groups.fetchall()
    assert sorted(jobs, key=str) == [("several", "FINISHED", group)] * 2 + [("single", "FINISHED", None)]
    assert not list(spool.rglob("*.json"))


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
