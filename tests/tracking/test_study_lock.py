from __future__ import annotations

import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from housing.errors import TrackingError
from housing.tracking import schema
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from housing.tracking.study_lock import FRESH_S, study_lock

FORK = multiprocessing.get_context("fork")


class Remote(Runs):
    """The same record, as if a network lay before it: claims are tags."""

    is_local = False


@pytest.fixture
def remote(uri: str) -> Remote:
    return Remote.open(uri, "walkthrough")


def hold_until_told(uri: str, run_id: str, told: Connection) -> None:
    with study_lock(Runs.open(uri, "walkthrough"), run_id, "tune-x"):
        told.send("holding")
        told.recv()


def elsewhere(runs: Runs, run_id: str, *, beat_s_ago: float) -> None:
    """A claim from another machine."""
    holder = {"process": "far boot pid 12 34", "pid": 12, "host": "far", "since": "yesterday"}
    runs.annotate(run_id, tags={schema.HOLDER: json.dumps(holder), schema.HEARTBEAT: repr(time.time() - beat_s_ago)})


def test_another_process_is_told_who_holds_the_study_and_a_dead_one_lets_go(uri: str, tmp_path: Path) -> None:
    runs = Runs.open(uri, "walkthrough")
    run_id = runs.start(RunRecord("tune-x", kind="study"))
    here, there = FORK.Pipe()
    process = FORK.Process(target=hold_until_told, args=(uri, run_id, there))
    process.start()
    assert here.recv() == "holding"
    with pytest.raises(TrackingError, match=rf"tune-x: process {process.pid} on .* is working on this study"):
        study_lock(runs, run_id, "tune-x").__enter__()
    process.kill()
    process.join()
    with study_lock(runs, run_id, "tune-x"):
        pass
    assert list(tmp_path.glob("*.lock")) == []


def test_a_fresh_heartbeat_elsewhere_keeps_the_study_and_an_old_one_loses_it(remote: Remote) -> None:
    run_id = remote.start(RunRecord("tune-x", kind="study"))
    elsewhere(remote, run_id, beat_s_ago=FRESH_S - 60)
    with (
        pytest.raises(TrackingError, match=rf"process 12 on far \(since yesterday\).* after {FRESH_S} s"),
        study_lock(remote, run_id, "tune-x"),
    ):
        pass
    elsewhere(remote, run_id, beat_s_ago=FRESH_S + 60)
    with study_lock(remote, run_id, "tune-x") as hold:
        assert json.loads(remote.get(run_id).tags[schema.HOLDER])["host"] != "far"
        hold.check()
    assert schema.HOLDER not in remote.get(run_id).tags
