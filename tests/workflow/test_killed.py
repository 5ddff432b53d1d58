"""`kill -9` in the middle of `housing run`: the next one succeeds, and nothing half-done is left behind."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.workflow.conftest import in_process
from tests.workflow.processes import run, start
from tests.workflow.rehearsed import kill, until

pytestmark = pytest.mark.slow

WALK = ("run", "experiment=walkthrough", "study.trials=4", "algorithm.num_round=8")


def kill_after(seconds: float, folder: Path) -> float | None:
    """Start `housing run` and kill it; how long it took where it ended before, else None."""
    began = time.monotonic()
    process = start(*WALK, folder=folder)
    process.join(seconds)
    if process.exitcode is not None:
        return time.monotonic() - began
    kill(process)
    return None


def servers(folder: Path) -> list[int]:
    """Processes of the local host that work in a folder (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            if b"housing" in command and entry.joinpath("cwd").readlink() == folder and int(entry.name) != os.getpid():
                found.append(int(entry.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


def assert_whole(folder: Path) -> None:
    """A run after the kill succeeds and leaves only finished or killed runs, whole versions and one endpoint."""
    from mlflow import MlflowClient

    again = in_process(*WALK, "--json", folder=folder)
    assert again.code == 0, again.err
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    experiment = client.get_experiment_by_name("housing").experiment_id
    assert {run.info.status for run in client.search_runs([experiment])} <= {"FINISHED", "KILLED"}
    for version in client.search_model_versions("name='housing'"):
        files = {path.name for path in Path(version.source).rglob("*") if path.is_file()}
        assert {"MLmodel", "model.ubj", "encoder.json", "bundle.json"} <= files
    assert in_process("plan", "experiment=walkthrough", "--detailed-exitcode", folder=folder).code == 0
    assert in_process("lineage", "housing-endpoint", folder=folder).code == 0


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc")
def test_the_next_run_succeeds_after_kills_at_random_moments(tmp_path: Path) -> None:
    run("--help", folder=tmp_path)  # the process that others are forked from
    started = time.monotonic()
    assert in_process(*WALK, folder=tmp_path).code == 0
    whole_s = time.monotonic() - started
    in_process("destroy", folder=tmp_path)
    moments, killed = random.Random(7), 0
    for _ in range(9):
        taken_s = kill_after(moments.uniform(0.3, 0.95) * whole_s, tmp_path)
        # The first run may have been slow, since nothing was warm or the machine was busy.
        whole_s, killed = (whole_s, killed + 1) if taken_s is None else (min(whole_s, taken_s), killed)
        if killed == 3:
            break
    assert killed
    assert_whole(tmp_path)
    assert in_process("destroy", folder=tmp_path).code == 0
    until(lambda: servers(tmp_path) == [])
