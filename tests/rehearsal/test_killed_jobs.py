"""A real rehearsal, killed while jobs run in it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from housing.rehearsal.process import Address, ensure, stop
from housing.rehearsal.settings import Settings
from tests.rehearsal.conftest import Served, connected, give_known_keys
from tests.rehearsal.jobs import ended, fill_bucket, training, tuning, tuning_ended

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")


class _Reached:
    """Clients of a rehearsal in another process."""

    def __init__(self, address: Address) -> None:
        self._url = address.url

    def client(self, service: str) -> Any:
        return connected(self._url, service)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(folder=str(tmp_path / "rehearsal"), seconds_per_round=0.02)
    give_known_keys(Path(settings.folder))
    yield settings
    stop(settings.folder)


def _parents() -> dict[int, int]:
    """Of all processes that live."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            found[int(path.parent.name)] = int(parent)
    return found


def _descendants(pid: int) -> set[int]:
    parents, found = _parents(), {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


@pytest.mark.slow
def test_a_kill_ends_every_container_and_no_job_stays_in_progress(settings: Settings) -> None:
    address = ensure(settings)
    reached = cast(Served, _Reached(address))
    fill_bucket(reached)
    client = reached.client("sagemaker")
    client.create_training_job(**training("lost", {"num_round": "4000"}))
    limits = {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 1}
    client.create_hyper_parameter_tuning_job(**tuning("resumed", {"ResourceLimits": limits}))
    while not client.describe_training_job(TrainingJobName="lost").get("FinalMetricDataList"):
        time.sleep(0.02)
    containers = _descendants(address.pid)
    assert len(containers) >= 2

    os.kill(address.pid, signal.SIGKILL)
    give_up = time.monotonic() + 300
    while containers & _parents().keys():
        assert time.monotonic() < give_up
        time.sleep(0.02)
    again = cast(Served, _Reached(ensure(settings)))

    lost = ended(again, "lost")
    assert lost["TrainingJobStatus"] == "Failed"
    assert lost["FailureReason"].startswith("InternalServerError")
    assert "BillableTimeInSeconds" not in lost
    resumed = tuning_ended(again, "resumed")
    assert resumed["HyperParameterTuningJobStatus"] == "Completed"
    assert sum(resumed["TrainingJobStatusCounters"].values()) == 3
