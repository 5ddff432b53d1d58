"""Rounds of a running job reach its run, whole, in order and once, whatever the record is like."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from housing.errors import TrackingError
from housing.tracking import schema
from housing.tracking.live import LiveRounds
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Round, Runs
from tests.tracking.conftest import result_of


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Faltering:
    """A record that is away for its first calls."""

    def __init__(self, runs: Runs, fails: int) -> None:
        self.fails = fails
        self.calls = 0
        self._runs = runs

    def log_rounds(self, run_id: str, rounds: Sequence[Round]) -> None:
        self.calls += 1
        if self.calls <= self.fails:
            raise TrackingError("away")
        self._runs.log_rounds(run_id, rounds)


def tell(live: LiveRounds, run_id: str, values: Sequence[float], first: int = 0) -> None:
    for number, value in enumerate(values, start=first):
        metrics: Mapping[str, float] = {"validation_mae": value, "train_mae": value / 2}
        live.note(run_id, number, metrics)


def test_rounds_are_there_while_the_run_goes_on_and_once_when_it_has_ended(runs: Runs) -> None:
    run_id, live = runs.start(RunRecord("job", kind="job")), LiveRounds(runs)
    tell(live, run_id, [30.0, 20.0])
    until(lambda: runs.history(run_id, "validation_mae") == [30, 20])
    assert runs.get(run_id).status == "RUNNING"
    live.settle(run_id)
    runs.record(RunRecord("job", result=result_of([30.0, 20.0, 10.0, 15.0], best_round=2), into=run_id))
    live.close()
    assert runs.history(run_id, "validation_mae") == [30, 20, 10, 15]
    assert runs.get(run_id).metrics["validation_mae"] == 10
    points = runs.client.get_metric_history(run_id, "train_mae")
    assert sorted(point.step for point in points) == [0, 1, 2, 3, 3]


def test_the_newest_value_is_that_of_the_model_kept_whatever_was_logged_live(runs: Runs) -> None:
    """The first round is trained before the job, the log rounds, and an interrupted job goes on for too long."""
    run_id = runs.start(RunRecord("job", kind="job"))
    live = [30.0, 20.0, 10.0, 15.0, 17.0, 18.0]
    runs.log_rounds(run_id, [(n, {"validation_mae": live[n], "train_mae": live[n] / 2}, n) for n in range(1, 6)])
    result = result_of([30.0, 20.0, 10.001, 15.0], best_round=2)
    for _ in range(2):  # a result that waited may be handed on twice
        runs.record(RunRecord("job", result=result, into=run_id))
        assert runs.get(run_id).metrics["validation_mae"] == 10.001
        assert runs.get(run_id).metrics["train_mae"] == 5.0005
        assert runs.history(run_id, "validation_mae") == live


def test_a_record_that_is_away_is_tried_again_and_nobody_waits(runs: Runs) -> None:
    run_id = runs.start(RunRecord("job", kind="job"))
    record = Faltering(runs, fails=1)
    live = LiveRounds(record)  # type: ignore[arg-type]
    began = time.monotonic()
    tell(live, run_id, [3.0])
    until(lambda: record.calls == 1)
    tell(live, run_id, [2.0, 1.0], first=1)
    assert time.monotonic() - began < 0.5
    until(lambda: runs.history(run_id, "validation_mae") == [3, 2, 1])
    live.close()


def test_what_was_never_written_is_written_with_the_end(runs: Runs) -> None:
    run_id = runs.start(RunRecord("job", kind="job"))
    record = Faltering(runs, fails=100)
    live = LiveRounds(record)  # type: ignore[arg-type]
    tell(live, run_id, [3.0, 2.0])
    until(lambda: record.calls == 1)
    live.settle(run_id)
    live.close()
    runs.record(RunRecord("job", result=result_of([3.0, 2.0]), into=run_id))
    assert runs.history(run_id, "validation_mae") == [3, 2]
    assert runs.get(run_id).status == "FINISHED"


def test_many_rounds_go_in_calls_that_mlflow_takes(runs: Runs) -> None:
    run_id = runs.start(RunRecord("job", kind="job"))
    runs.log_rounds(run_id, [(n, {"a": float(n), "b": 0.0, "c": 1.0}, 1_700_000_000_000) for n in range(700)])
    assert runs.history(run_id, "a") == [float(n) for n in range(700)]


def test_runs_with_a_job_elsewhere_are_left_open_and_told(runs: Runs) -> None:
    from housing.processes import process_tag

    *place, pid, started = process_tag().split()
    dead = {schema.PROCESS: " ".join([*place, pid, str(int(started) - 1)])}  # an earlier process of this number
    left = runs.start(RunRecord("left", kind="job", tags={**dead, schema.JOB: "housing-1"}))
    torn = runs.start(RunRecord("torn", kind="job", tags=dead))
    mine = runs.start(RunRecord("mine", kind="job", tags={schema.JOB: "housing-2"}))
    assert runs.close_abandoned() == [torn]
    assert [run.id for run in runs.left_running()] == [left]
    assert runs.get(mine).status == "RUNNING"
