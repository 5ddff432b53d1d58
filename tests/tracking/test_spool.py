"""The spool against a local record: what lies between them is then this test's to decide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from housing.errors import ServerAway, TrackingError
from housing.tracking.entries import Input
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from housing.tracking.spool import Spool, hand_on, hand_on_leftovers, spooling, waiting
from housing.tracking.trial import finished_trials, trial_tags
from housing.tuning.trial import FinishedTrial
from tests.tracking.conftest import result_of

RESULT = {
    "history": {"validation_mae": [2.0, 1.0]},
    "metrics": {"validation_mae": 1.0},
    "best_round": 1,
    "model": "AP8=",
    "model_format": "ubj",
    "seconds": 0.5,
    "started_at_ms": 1_700_000_000_000,
    "stopped": False,
    "billed_seconds": None,
    "details": {"place.job": "j1"},
}
INPUT = {"name": "ames", "context": "train", "digest": "a" * 64, "source": "mine.csv", "rows": 2, "columns": 3}
TRIAL = FinishedTrial(0, {"eta": 0.1}, "complete", (1.0,), seconds=0.5)


def put(spool: Spool, number: int = 0) -> None:
    tags = trial_tags(FinishedTrial(number, {"eta": 0.1}, "complete", (1.0,)))
    inputs = [Input("ames", "train", digest="a" * 64, source="mine.csv", rows=2, columns=3)]
    spool.record(
        RunRecord(
            f"t{number}",
            result=result_of([2.0, 1.0], model=b"\x00\xff"),
            kind="job",
            parent="study",
            tags=tags,
            params={"eta": 0.1},
            inputs=inputs,
            files={"model.ubj": b"\x00\xff"},
        )
    )


@pytest.fixture
def held_up(tmp_path: Path, runs: Runs) -> Path:
    """A folder with two trials that nobody has handed on."""
    folder = tmp_path / "study"
    folder.mkdir()
    spool = Spool(folder, runs)
    put(spool, 0)
    put(spool, 1)
    return folder


def test_what_goes_through_it_is_recorded_as_directly(tmp_path: Path, runs: Runs) -> None:
    with spooling(tmp_path / "spool", runs, "study") as spool:
        put(spool)
        failed = FinishedTrial(1, {"eta": 0.2}, "failed", error="no memory")
        spool.record(
            RunRecord("t1", reason="no memory", kind="job", parent="study", tags=trial_tags(failed), params={})
        )
        spool.drain(within_s=300)
    first, second = sorted(runs.children("study"), key=lambda run: run.name)
    assert (first.status, second.status) == ("FINISHED", "FAILED")
    assert first.metrics["validation_mae"] == 1
    assert first.params == {"eta": "0.1"}
    assert runs.read_file(first.id, "model.ubj") == b"\x00\xff"
    assert list((tmp_path / "spool").rglob("*.json")) == []


def test_a_file_that_is_handed_on_twice_is_one_run(held_up: Path, runs: Runs) -> None:
    path, other = waiting(held_up)
    text = path.read_text()
    hand_on(path, runs)
    path.write_text(text)
    hand_on(path, runs)
    hand_on(other, runs)
    assert [trial.number for trial in finished_trials(runs.children("study"))] == [0, 1]
    assert len(runs.children("study")) == 2


def test_a_run_that_was_half_written_is_closed_and_written_anew(held_up: Path, runs: Runs) -> None:
    torn = runs.start(RunRecord("t0", kind="job", parent="study", tags=trial_tags(TRIAL)))
    hand_on(waiting(held_up)[0], runs)
    assert runs.get(torn).status == "KILLED"
    assert [trial.number for trial in finished_trials(runs.children("study"))] == [0]


def test_the_next_command_brings_in_what_was_left_unless_somebody_is_at_it(tmp_path: Path, runs: Runs) -> None:
    root = tmp_path / "spool"
    with spooling(root, runs, "study"):
        (folder,) = root.glob("*/study")
        with pytest.raises(TrackingError, match="another process"), spooling(root, runs, "study"):
            pass
        assert hand_on_leftovers(root, runs) == 0
    folder.mkdir()
    put(Spool(folder, runs))
    assert hand_on_leftovers(root, runs) == 1
    assert hand_on_leftovers(root, runs) == 0
    assert [run.name for run in runs.children("study")] == ["t0"]


def test_one_result_that_is_refused_holds_up_no_other(tmp_path: Path, runs: Runs) -> None:
    root = tmp_path / "spool"
    with spooling(root, runs, "study"):
        (folder,) = root.glob("*/study")
    folder.mkdir(exist_ok=True)
    spool = Spool(folder, runs)
    for number in range(3):
        put(spool, number)
    (damaged, refused, good) = waiting(folder)
    damaged.write_text("{")
    refused.write_text(json.dumps({**json.loads(refused.read_text()), "experiment_id": "404"}))
    with pytest.raises(TrackingError) as told:
        hand_on_leftovers(root, runs)
    assert [run.name for run in runs.children("study")] == ["t2"]
    assert waiting(folder) == [damaged, refused]
    assert str(damaged) in str(told.value)
    assert str(refused) in str(told.value)
    assert str(good) not in str(told.value)


def test_waiting_has_an_end_and_says_where_the_results_are(held_up: Path, runs: Runs) -> None:
    with pytest.raises(ServerAway, match=f"2 results wait in {held_up}"):
        Spool(held_up, runs).drain(within_s=0.1)
    assert len(waiting(held_up)) == 2


def test_files_of_version_0_1_0_are_recorded_whole(tmp_path: Path, runs: Runs) -> None:
    described = {"kind": "job", "parent": "study", "params": {"eta": 0.1}, "into": None}
    ended = {"metrics": {"cost_usd": 0.5}, "yaml": "seed: 0", "inputs": [INPUT], "status": "FINISHED"}
    whole = {"result": RESULT, "name": "t0", "tags": trial_tags(TRIAL), "files": {"model.ubj": "AP8="}}
    failed = FinishedTrial(1, {"eta": 0.2}, "failed", error="no memory")
    failure = {"reason": "no memory", "name": "t1", "tags": trial_tags(failed)}
    (tmp_path / "000000.json").write_text(json.dumps(whole | described | ended))
    (tmp_path / "000001.json").write_text(json.dumps(failure | described | {"experiment_id": runs.experiment_id}))
    for path in waiting(tmp_path):
        hand_on(path, runs)
    first, second = sorted(runs.children("study"), key=lambda run: run.name)
    assert (first.status, first.metrics["validation_mae"], first.metrics["cost_usd"]) == ("FINISHED", 1, 0.5)
    assert (first.params, runs.read_file(first.id, "model.ubj")) == ({"eta": "0.1"}, b"\x00\xff")
    assert runs.read_file(first.id, "config.yaml") == b"seed: 0"
    assert [item.dataset.name for item in runs.client.get_run(first.id).inputs.dataset_inputs] == ["ames"]
    assert (second.status, second.tags["housing.reason"]) == ("FAILED", "no memory")
    assert finished_trials([first, second]) == [TRIAL, failed]


def test_an_old_file_of_a_run_that_mlflow_opened_fills_that_run(tmp_path: Path, runs: Runs) -> None:
    opened = runs.client.create_run(runs.experiment_id).info.run_id
    described = {"kind": "job", "parent": None, "params": {"eta": 0.1}, "into": opened, "adopts": True}
    ended = {"metrics": {}, "yaml": "seed: 0", "inputs": [], "files": {}, "status": "KILLED"}
    whole = {"result": RESULT | {"stopped": True}, "name": "train", "tags": {"housing.result": "0f"}}
    path = tmp_path / "000000.json"
    path.write_text(json.dumps(whole | described | ended))
    assert hand_on(path, runs) == opened
    run = runs.get(opened)
    assert (run.name, run.status, run.kind, run.params) == ("train", "KILLED", "job", {"eta": "0.1"})
    assert run.metrics["validation_mae"] == 1
