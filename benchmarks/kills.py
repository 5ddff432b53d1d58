"""`kill -9` at random moments of run, ui, describe and rehearsal: `python -m benchmarks.kills [NUMBER [COMMAND ...]]`.

Of `housing run`, ten times by default: after each the next run succeeds and nothing is half-done. Of the others, twenty
times each by default, each a process of its own with children of its own: after each nothing that it has started runs
or listens, no lock is held, no temporary file is there; what was recorded is there, and the same command works again.
Ctrl-C, SIGTERM and the end of the terminal are tried as well, a fifth as often: they end without a traceback.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3

from housing.rehearsal.process import credentials_of, running
from tests.workflow.conftest import in_process
from tests.workflow.test_killed import assert_whole, kill_after, servers

ENDS_WITHIN_S = 120
REHEARSAL = ("target=rehearsal", "rehearsal.idle_s=1")
ASKED_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else None
    wanted = sys.argv[2:] or ["run", *COMMANDS]
    if "run" in wanted:
        _kill_runs(number or 10)
    return max([_kill_commands(name, number or 20) for name in wanted if name in COMMANDS], default=0)


def _kill_runs(kills: int) -> None:
    generator = random.Random(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        started = time.monotonic()
        assert_whole(folder)
        whole_s = (time.monotonic() - started) / 2
        number = late = 0
        while number < kills:
            in_process("destroy", folder=folder)
            moment_s = generator.uniform(0.1, 1.0) * whole_s
            if not kill_after(moment_s, folder):
                late += 1
                whole_s = min(whole_s, moment_s)
                continue
            assert_whole(folder)
            number += 1
            print(f"{number:2d}: killed at {moment_s:5.2f} s; the next run is whole", flush=True)
        print(f"{late} more came too late: the run had ended")
        in_process("destroy", folder=folder)
        time.sleep(3)
        print(f"servers left behind: {len(servers(folder))}")


@dataclass
class Place:
    """A working folder, its own folder for temporary files, and a mark that every process of a command inherits."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid4().hex)

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self.temporary.mkdir(exist_ok=True)
        return subprocess.Popen(
            (sys.executable, "-m", "housing", *arguments),
            cwd=self.folder,
            env=os.environ | {"TMPDIR": str(self.temporary), "KILLED": self.mark},
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "out.txt").open("w"),
            stderr=(self.folder / "err.txt").open("w"),
            text=True,
            start_new_session=True,
            # Whoever runs this in the background of a shell ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  # it has one thread
        )

    def run(self, *arguments: str) -> str:
        """What it printed. Raises AssertionError unless it ends well."""
        code = self.start(*arguments).wait(ENDS_WITHIN_S)
        assert code == 0, f"{arguments} ended with {code}: {self.said('err')}"
        return self.said("out")

    def said(self, where: str) -> str:
        return (self.folder / f"{where}.txt").read_text(errors="replace")

    def processes(self) -> list[str]:
        """Those of a command and of all its children, wherever they went: by the mark in their environment (Linux)."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"KILLED={self.mark}".encode() in (process / "environ").read_bytes():
                    found.append(f"{process.name} {(process / 'cmdline').read_bytes()[:100]!r}")
            except OSError:
                continue
        return found

    def locks_held(self) -> list[str]:
        held = []
        for path in self.folder.rglob("*.lock"):
            with path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    held.append(str(path))
        return held


@dataclass(frozen=True)
class Command:
    """What is killed: `prepare` makes what must not be lost, `is_ready` tells when it has begun to do its work.

    `end` ends what is meant to go on; `check` raises AssertionError when something is lost or does not work again.
    """

    arguments: Sequence[str]
    prepare: Callable[[Place], object]
    is_ready: Callable[[Place], bool]
    check: Callable[[Place, object], None]
    end: Callable[[Place], object] = lambda _: None


def _kill_commands(name: str, kills: int) -> int:
    command, moments, ended, too_late = COMMANDS[name], random.Random(name), Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder).resolve())
        kept = command.prepare(place)
        ready_s = _seconds_until_ready(place, command)
        print(f"-- {name}: at work after {ready_s:.1f} s", flush=True)
        signals = [signal.SIGKILL] * kills + [ASKED_TO_END[i % 3] for i in range(-(-kills // 5))]
        slowest_s = 0.0
        while signals:
            how, moment_s = signals[-1], moments.uniform(0.05, 1.3) * ready_s
            try:
                if _is_ended(place, command, how, moment_s):
                    ended[signals.pop().name] += 1
                else:
                    # It was faster than the first time: it gets the same signal again, sooner.
                    too_late += 1
                    ready_s *= 0.9
                slowest_s = max(slowest_s, _wait_until_nothing_is_left(place, command))
                if (sum(ended.values()) + too_late) % 5 == 0:
                    command.check(place, kept)
                    command.end(place)
            except AssertionError as problem:
                print(f"WRONG: {name}, {how.name} at {moment_s:.2f} s: {problem}")
                return 1
        command.check(place, kept)
        command.end(place)
        _wait_until_nothing_is_left(place, command)
    ends = ", ".join(f"{count} {how}" for how, count in sorted(ended.items()))
    print(f"{name}: {ends}, {too_late} too late; nothing lost; nothing left", end=" ")
    print(f"(processes, ports, temporary files, held locks) after {slowest_s:.1f} s at most", flush=True)
    return 0


def _seconds_until_ready(place: Place, command: Command) -> float:
    started = time.monotonic()
    process = place.start(*command.arguments)
    while process.poll() is None and not command.is_ready(place):
        assert time.monotonic() < started + ENDS_WITHIN_S, f"{command.arguments} does nothing"
        time.sleep(0.02)
    seconds = time.monotonic() - started
    process.kill()
    process.wait()
    _wait_until_nothing_is_left(place, command)
    return seconds


def _is_ended(place: Place, command: Command, how: signal.Signals, moment_s: float) -> bool:
    """Whether the signal ended it; else it had ended well before."""
    process = place.start(*command.arguments)
    try:
        process.wait(moment_s)
    except subprocess.TimeoutExpired:
        process.send_signal(how)
    code = process.wait(ENDS_WITHIN_S)
    said = place.said("err")
    # Python's own start, before any line of ours, is its own.
    if how == signal.SIGINT and "housing" in said:
        assert "Traceback" not in said, said
    assert code in (0, 130, -how), f"ended with {code}: {said}"
    return code != 0


def _wait_until_nothing_is_left(place: Place, command: Command) -> float:
    """Seconds until all of it was gone."""
    url = next((word for word in place.said("out").split() if word.startswith("http://")), None)
    command.end(place)
    started = time.monotonic()
    while left := place.processes():
        assert time.monotonic() < started + ENDS_WITHIN_S, f"left: {left}"
        time.sleep(0.02)
    seconds = time.monotonic() - started
    if url:
        there = urlsplit(url)
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection((there.hostname or "", there.port or 0), timeout=5).close()
            raise AssertionError(f"{url} still answers")
    assert not place.locks_held(), f"locks held: {place.locks_held()}"
    temporary = [str(path) for path in place.temporary.rglob("*")]
    assert not temporary, f"temporary files: {temporary}"
    return seconds


def _train(place: Place) -> object:
    place.run("train", "algorithm.num_round=3")
    return _record(place)


def _record(place: Place) -> object:
    """Every run and how many metrics it has, read past MLflow."""
    with closing(sqlite3.connect(f"file:{place.folder / 'mlflow.db'}?mode=ro", uri=True, timeout=20)) as connection:
        runs = connection.execute("SELECT run_uuid, status FROM runs ORDER BY run_uuid").fetchall()
        metrics = connection.execute("SELECT run_uuid, count(*) FROM metrics GROUP BY 1 ORDER BY 1").fetchall()
    assert runs and metrics, "nothing is recorded"
    return runs, metrics


def _check_record(place: Place, kept: object) -> None:
    assert _record(place) == kept


def _write_table(place: Place) -> object:
    lines = ["Area,Zone,Price", *(f"{area},{'RL' if area % 2 else 'RM'},{area * 100}" for area in range(20_000))]
    (place.folder / "houses.csv").write_text("\n".join(lines) + "\n")
    return place.run(*DESCRIBE)


def _check_description(place: Place, kept: object) -> None:
    assert place.run(*DESCRIBE) == kept


def _put(place: Place) -> object:
    place.run("rehearsal", "start", *REHEARSAL)
    place.run("train", "algorithm.num_round=3", *REHEARSAL)
    kept = _state(place)
    _stop(place)
    return kept


def _state(place: Place) -> object:
    """What plain clients find: the training jobs, and each object with the digest of its content."""
    folder = str(place.folder / ".housing" / "rehearsal")
    address, keys = running(folder), credentials_of(folder)
    assert address, "no rehearsal runs"

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=address.url,
            region_name=address.region,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
        )

    jobs = client("sagemaker").list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    s3 = client("s3")
    objects = [
        (bucket["Name"], each["Key"], each["ETag"])
        for bucket in s3.list_buckets()["Buckets"]
        for each in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ())
    ]
    assert jobs and objects, "the rehearsal remembers nothing"
    return [(job["TrainingJobName"], job["TrainingJobStatus"]) for job in jobs], objects


def _check_rehearsal(place: Place, kept: object) -> None:
    place.run("rehearsal", "start", *REHEARSAL)
    assert _state(place) == kept, f"{kept} became {_state(place)}"


def _stop(place: Place) -> None:
    out = place.said("out") if (place.folder / "out.txt").exists() else ""
    place.run("rehearsal", "stop", *REHEARSAL)
    (place.folder / "out.txt").write_text(out)


DESCRIBE = ("describe", "houses.csv", "--label", "Price")
COMMANDS = {
    "ui": Command(("ui",), _train, lambda place: "http://" in place.said("out") + place.said("err"), _check_record),
    "describe": Command(DESCRIBE, _write_table, lambda _: False, _check_description),
    "rehearsal": Command(("rehearsal", "start", *REHEARSAL), _put, lambda _: False, _check_rehearsal, _stop),
}


if __name__ == "__main__":
    sys.exit(main())
