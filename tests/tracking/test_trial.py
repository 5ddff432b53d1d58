from __future__ import annotations

from dataclasses import replace

import pytest

from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from housing.tracking.trial import finished_trial, finished_trials, trial_tags
from housing.tuning.trial import FinishedTrial, State
from tests.tracking.conftest import result_of

POINT = {"eta": 0.30000000000000004, "max_depth": 5, "booster": "dart", "exact": True}
WHOLE = FinishedTrial(
    7, POINT, "complete", (16097.9, 0.1), seconds=0.25, reports={step: 1e5 / (step + 3) for step in range(4000)}
)


def recorded(runs: Runs, trial: FinishedTrial) -> str:
    result = replace(result_of([1.0]), stopped=trial.state != "complete")
    return runs.record(RunRecord(f"t{trial.number}", result=result, parent="study", tags=trial_tags(trial)))


def test_a_trial_comes_back_as_it_was_with_types_and_every_report(runs: Runs) -> None:
    found = finished_trial(runs.get(recorded(runs, WHOLE)))
    assert found == WHOLE
    assert {name: type(value) for name, value in found.parameters.items()} == {
        name: type(value) for name, value in POINT.items()
    }


def test_a_failed_trial_comes_back_with_its_reason(runs: Runs) -> None:
    failed = FinishedTrial(1, {"eta": 0.1}, "failed", error="no memory")
    run_id = runs.record(RunRecord("t1", reason="no memory", parent="study", tags=trial_tags(failed)))
    assert finished_trial(runs.get(run_id)) == failed


def test_a_pruned_trial_counts_and_an_abandoned_one_does_not(runs: Runs) -> None:
    pruned = FinishedTrial(1, {"eta": 0.1}, "pruned", (5.0,), reports={4: 5.0})
    recorded(runs, pruned)
    runs.abandon(
        runs.start(RunRecord("t2", kind="job", parent="study", tags=trial_tags(FinishedTrial(2, {}, "pruned"))))
    )
    runs.start(RunRecord("t3", kind="job", parent="study", tags=trial_tags(FinishedTrial(3, {}, "complete", (1.0,)))))
    assert finished_trials(runs.children("study")) == [pruned]


def test_a_number_counts_once_and_an_interrupted_trial_not_at_all(runs: Runs) -> None:
    states: tuple[State, ...] = ("interrupted", "complete", "complete")
    for state in states:
        recorded(runs, FinishedTrial(0, {"eta": 0.1}, state, (1.0,)))
    assert [trial.number for trial in finished_trials(runs.children("study"))] == [0]


@pytest.mark.parametrize("broken", [{"housing.point": "{"}, {"housing.trial": "x"}, {"housing.state": "odd"}])
def test_tags_that_somebody_changed_are_no_trial(runs: Runs, broken: dict[str, str]) -> None:
    run_id = runs.record(RunRecord("t0", result=result_of([1.0]), tags=trial_tags(WHOLE) | broken))
    assert finished_trial(runs.get(run_id)) is None
