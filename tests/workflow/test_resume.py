"""A study goes on where it stopped: whatever stopped it, every trial is there once."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.workflow.conftest import Housing
from tests.workflow.processes import Recorded, run, start, studies

NINE = ("tune", "study.name=nine", "study.trials=9", "study.parallel=3", "algorithm.num_round=20")


def study(folder: Path) -> Recorded:
    (only,) = studies(folder / "mlflow.db")
    return only


def printed(folder: Path) -> str:
    return (folder / "out.txt").read_text(encoding="utf-8")


def assert_nine(folder: Path) -> None:
    """Nine finished trials, each once, none running; the study itself is whole."""
    whole = study(folder)
    assert whole.numbers == list(range(9))
    assert "RUNNING" not in whole.statuses
    assert whole.status == "FINISHED"
    ranks = [child.tags["housing.rank"] for child in whole.children if child.status == "FINISHED"]
    assert sorted(ranks) == [f"{rank:03d}" for rank in range(1, 10)]
    assert whole.tags["housing.best"]
    assert list(folder.glob(".mlflow.db.*.lock")) == []


@pytest.fixture(scope="module")
def whole_s(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds of a study that nobody stops."""
    folder = tmp_path_factory.mktemp("whole")
    run("train", folder=folder)  # the record, and the processes that others are forked from
    started = time.monotonic()
    assert run(*NINE, folder=folder) == 0
    return time.monotonic() - started


@pytest.mark.parametrize(
    ("sent", "seed"), [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGKILL, 3), (signal.SIGINT, 4)]
)
def test_stopped_at_random_moments_and_begun_again_it_has_each_trial_once(
    tmp_path: Path, whole_s: float, sent: signal.Signals, seed: int
) -> None:
    moments = random.Random(seed)
    for _ in range(3):
        process = start(*again(tmp_path), folder=tmp_path)
        process.join(moments.uniform(0.2, 0.95) * whole_s)
        if process.exitcode is None:
            assert process.pid is not None
            os.kill(process.pid, sent)
        process.join()
        if process.exitcode == 0:
            break
    else:
        assert run(*again(tmp_path), folder=tmp_path) == 0, printed(tmp_path)
    assert_nine(tmp_path)


def again(folder: Path) -> tuple[str, ...]:
    """The command that begins the study, or goes on with it."""
    begun = studies(folder / "mlflow.db")
    return ("tune", f"study.resume={begun[0].name}") if begun else NINE
