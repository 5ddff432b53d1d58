"""The spool against a local record: what lies between them is then this test's to decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.errors import ServerAway, TrackingError
from housing.tracking.entries import Input
from housing.tracking.runs import Runs
from housing.tracking.spool import Spool, hand_on, hand_on_leftovers, spooling, waiting
from housing.tracking.trial import finished_trials, trial_tags
from housing.tuning.trial import FinishedTrial
from tests.tracking.conftest import result_of

TRIAL = FinishedTrial(0, {"eta": 0.1}, "complete", (1.0,), seconds=0.5)


def put(spool: Spool, number: int = 0) -> None:
    tags = trial_tags(FinishedTrial(number, {"eta": 0.1}, "complete", (1.0,)))
    inputs = [Input("ames", "train", digest="a" * 64, source="mine.csv", rows=2, columns=3)]
    spool.record(
        result_of([2.0, 1.0], model=b"\x00\xff"),
        f"t{number}",
        kind="job",
        parent="study",
        tags=tags,
        params={"eta": 0.1},
        inputs=inputs,
        files={"model.ubj": b"\x00\xff"},
        status="FINISHED",
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
        spool.record_failure("t1", "no memory", kind="job", parent="study", tags=trial_tags(failed), params={})
        spool.drain(within_s=20)
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
    torn = runs.start("t0", kind="job", parent="study", tags=trial_tags(TRIAL))
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


def test_waiting_has_an_end_and_says_where_the_results_are(held_up: Path, runs: Runs) -> None:
    with pytest.raises(ServerAway, match=f"2 results wait in {held_up}"):
        Spool(held_up, runs).drain(within_s=0.1)
    assert len(waiting(held_up)) == 2
