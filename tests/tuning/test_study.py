from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from statistics import median
from typing import Any, Literal

import pytest

from housing.errors import BudgetRefused, CloudError, ConfigError, HousingError, TrainingError
from housing.testing.evaluations import at_once, curves, in_threads
from housing.tuning.space import Categorical, Choice, Condition, Float, Int, Point, SearchSpace
from housing.tuning.spec import Study
from housing.tuning.study import search
from housing.tuning.trial import Direction, Evaluation, FinishedTrial, Report, Trial

SAMPLERS: tuple[Literal["grid", "random", "tpe", "cmaes", "qmc"], ...] = ("grid", "random", "tpe", "cmaes", "qmc")
SPACE: SearchSpace = {"x": Float(-5, 5), "depth": Int(1, 9)}


def x_squared(point: Point) -> float:
    return float(point["x"]) ** 2


@pytest.fixture
def study() -> Study:
    return Study("s", "random", trials=12, parallel=3)


def test_the_best_is_the_lowest_or_highest_as_the_direction_says(study: Study) -> None:
    lowest = search(SPACE, study, at_once(x_squared), seed=0).best
    highest = search(SPACE, study, at_once(x_squared), seed=0, directions=("maximize",)).best
    values = [t.values[0] for t in search(SPACE, study, at_once(x_squared), seed=0).trials if t.values]
    assert lowest is not None
    assert lowest.values == (min(values),)
    assert highest is not None
    assert highest.values == (max(values),)


def test_no_more_than_parallel_trials_run_at_once_and_never_fewer_while_there_are_any(study: Study) -> None:
    lock = threading.Lock()
    others_are_done = threading.Event()
    running, ended, seen = 0, 0, []

    def work(trial: Trial, _report: Report) -> Evaluation:
        nonlocal running, ended
        with lock:
            running += 1
            seen.append(running)
        # One slow trial must not hold back the others: there are no batches.
        if trial.number == 0:
            assert others_are_done.wait(120)
        time.sleep(0.01)
        with lock:
            running -= 1
            ended += 1
            if ended == 11:
                others_are_done.set()
        return Evaluation((0.0,))

    with in_threads(work, threads=6) as evaluate:
        result = search(SPACE, study, evaluate, seed=0)
    assert max(seen) == 3
    assert len(result.trials) == 12
    assert others_are_done.is_set()


def test_the_next_trial_starts_before_the_last_one_is_told_about(study: Study) -> None:
    heard: list[str] = []
    search(
        SPACE,
        replace(study, trials=3, parallel=1),
        at_once(x_squared),
        seed=0,
        on_start=lambda t: heard.append(f"start {t.number}"),
        on_end=lambda t: heard.append(f"end {t.number}"),
    )
    assert heard == ["start 0", "start 1", "end 0", "start 2", "end 1", "end 2"]


def test_a_failed_trial_is_recorded_and_the_study_goes_on(study: Study) -> None:
    def fails_deep(point: Point) -> float:
        if point["depth"] in (7, 8, 9):
            raise TrainingError("out of memory")
        return x_squared(point)

    result = search(SPACE, study, at_once(fails_deep), seed=0, known=[{"depth": 1}])
    failed = [t for t in result.trials if t.state == "failed"]
    assert len(result.trials) == 12
    assert failed
    assert all(t.error == "out of memory" and t.values is None for t in failed)


def test_a_failed_point_is_tried_again_as_often_as_declared() -> None:
    attempts: list[float] = []

    def fails_twice_at_2(point: Point) -> float:
        attempts.append(float(point["x"]))
        if point["x"] == 2 and attempts.count(2.0) < 3:
            raise TrainingError("the connection was lost")
        return x_squared(point)

    space: SearchSpace = {"x": Float(0, 4, step=1)}
    spec = Study("s", "grid", trials=5, parallel=2, retries=2)
    result = search(space, spec, at_once(fails_twice_at_2), seed=0)
    assert sorted(attempts) == [0, 1, 2, 2, 2, 3, 4]
    assert [t.state for t in result.trials].count("complete") == 5
    attempts.clear()
    once = search(space, replace(spec, retries=1), at_once(fails_twice_at_2), seed=0)
    assert attempts.count(2.0) == 2
    assert [t.state for t in once.trials].count("complete") == 4


def test_a_resumed_study_tries_its_failed_points_again_where_it_is_told_to() -> None:
    space: SearchSpace = {"x": Float(0, 2, step=1)}
    spec = Study("s", "grid", trials=3)

    def fails_at_1(point: Point) -> float:
        if point["x"] == 1:
            raise TrainingError("the disk was full")
        return x_squared(point)

    earlier = search(space, spec, at_once(fails_at_1), seed=0).trials
    left = search(space, spec, at_once(x_squared), seed=0, past=earlier)
    again = search(space, replace(spec, retries=1), at_once(x_squared), seed=0, past=earlier)
    assert len(left.trials) == 3
    assert [(t.number, t.parameters["x"], t.state) for t in again.trials[3:]] == [(3, 1.0, "complete")]


def test_the_configured_point_is_tried_again_wherever_it_lies(study: Study) -> None:
    failures = iter([TrainingError("busy")])

    def fails_once(point: Point) -> float:
        for error in failures:
            raise error
        return x_squared(point)

    result = search(SPACE, replace(study, retries=1), at_once(fails_once), seed=0, configured={"x": 9.0, "depth": 3})
    tried = [t for t in result.trials if t.parameters["x"] == 9.0]
    assert [t.state for t in tried] == ["failed", "complete"]
    assert len(result.trials) == 13


def test_a_study_whose_first_trials_all_fail_ends_with_the_reason(study: Study) -> None:
    def fails(_point: Point) -> float:
        raise TrainingError("no such column: GrLivArea")

    ended: list[FinishedTrial] = []
    with pytest.raises(TrainingError, match=r"study s: the first 3 trials all failed.*no such column: GrLivArea"):
        search(SPACE, replace(study, trials=100), at_once(fails), seed=0, on_end=ended.append)
    assert 3 <= len(ended) <= 6


def test_an_error_in_starting_a_trial_fails_that_trial(study: Study) -> None:
    working = at_once(x_squared)

    def evaluate(trial: Trial, report: Report) -> Future[Evaluation]:
        if trial.number == 4:
            raise OSError("no such file")
        return working(trial, report)

    states = [t.state for t in search(SPACE, study, evaluate, seed=0).trials]
    assert states == ["complete"] * 4 + ["failed"] + ["complete"] * 7


@pytest.mark.parametrize(("value", "error"), [(float("nan"), "validation is nan"), (float("inf"), "is inf")])
def test_a_value_that_is_no_number_fails_the_trial(study: Study, value: float, error: str) -> None:
    result = search(SPACE, study, at_once(lambda p: value if p["depth"] == 9 else 1.0), seed=0, known=[{"depth": 1}])
    failed = [t for t in result.trials if t.state == "failed"]
    assert failed
    assert all(t.error is not None and error in t.error for t in failed)


def test_a_refused_budget_ends_the_study(study: Study) -> None:
    def refuses(_point: Point) -> float:
        raise BudgetRefused("12 dollars, 10 allowed")

    ended: list[FinishedTrial] = []
    with pytest.raises(BudgetRefused, match="12 dollars"):
        search(SPACE, replace(study, trials=100), at_once(refuses), seed=0, on_end=ended.append)
    assert len(ended) <= 3


@pytest.mark.parametrize("refusal", [BudgetRefused("12 dollars, 10 allowed"), CloudError("no answer")])
def test_what_says_nothing_about_a_trial_starts_no_more_and_lets_the_others_end(
    study: Study, refusal: HousingError
) -> None:
    def work(trial: Trial, report: Report) -> Evaluation:
        if trial.number == 1:
            raise refusal
        time.sleep(0.2)
        return Evaluation((1.0,), stopped=report(0, 1.0))

    ended: list[FinishedTrial] = []
    with in_threads(work, threads=3) as evaluate, pytest.raises(type(refusal)):
        search(SPACE, replace(study, trials=100, parallel=3), evaluate, seed=0, on_end=ended.append)
    assert {trial.number: trial.state for trial in ended} == {0: "complete", 1: "interrupted", 2: "complete"}


def test_no_trial_starts_after_the_time_limit(study: Study) -> None:
    def work(_trial: Trial, _report: Report) -> Evaluation:
        time.sleep(0.02)
        return Evaluation((0.0,))

    with in_threads(work, threads=3) as evaluate:
        result = search(SPACE, replace(study, trials=10_000, time_limit_s=0.3), evaluate, seed=0)
    assert result.ended == "time_limit"
    assert 3 <= len(result.trials) <= 60
    assert {t.state for t in result.trials} == {"complete"}


def test_a_study_without_luck_ends(study: Study) -> None:
    one = replace(study, trials=1000, parallel=1, patience=5)
    result = search(SPACE, one, at_once(lambda p: 1.0), seed=0)
    assert result.ended == "patience"
    assert len(result.trials) == 6


def test_luck_before_a_resume_is_remembered(study: Study) -> None:
    one = replace(study, trials=1000, parallel=1, patience=5)
    past = search(SPACE, replace(one, trials=4), at_once(lambda p: 1.0), seed=0).trials
    assert len(search(SPACE, one, at_once(lambda p: 1.0), seed=0, past=past).trials) == 6


def test_a_complete_study_is_not_searched_again(study: Study) -> None:
    past = search(SPACE, study, at_once(x_squared), seed=0).trials
    again = search(SPACE, study, at_once(x_squared), seed=0, past=past)
    assert again.trials == past
    assert again.ended == "trials"


def test_numbers_that_an_earlier_session_left_undone_come_first_with_their_own_proposals() -> None:
    study = Study("s", "random", trials=6)
    whole = search(SPACE, study, at_once(x_squared), seed=0).trials
    past = [trial for trial in whole if trial.number in (1, 3)]
    resumed = search(SPACE, study, at_once(x_squared), seed=0, past=past).trials
    assert [(t.number, t.parameters) for t in resumed] == [(t.number, t.parameters) for t in whole]


def test_interrupted_trials_of_the_past_are_made_up_for(study: Study) -> None:
    past = [FinishedTrial(0, {"x": 1.0, "depth": 2}, "complete", (1.0,)), FinishedTrial(1, {"x": 1.0}, "interrupted")]
    result = search(SPACE, study, at_once(x_squared), seed=0, past=past)
    assert len(result.trials) == 12
    assert {t.state for t in result.trials} == {"complete"}


def test_a_broken_record_ends_the_study_after_the_running_trials_have_stopped(study: Study) -> None:
    stopped = threading.Event()

    def work(trial: Trial, report: Report) -> Evaluation:
        if trial.number == 0:
            return Evaluation((0.0,))
        while not report(0, 1.0):
            time.sleep(0.005)
        stopped.set()
        return Evaluation((1.0,), stopped=True)

    def disk_full(_trial: FinishedTrial) -> None:
        raise OSError("no space left on device")

    with in_threads(work, threads=3) as evaluate:
        with pytest.raises(OSError, match="no space left"):
            search(SPACE, replace(study, parallel=2), evaluate, seed=0, on_end=disk_full)
        assert stopped.is_set()


def interrupting(after: int, work: Callable[[Report], Evaluation]) -> Callable[[Trial, Report], Evaluation]:
    def interrupted(trial: Trial, report: Report) -> Evaluation:
        if trial.number == after:
            os.kill(os.getpid(), signal.SIGINT)
        return work(report)

    return interrupted


def until_stopped(report: Report) -> Evaluation:
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        if report(0, 1.0):
            return Evaluation((1.0,), stopped=True)
        time.sleep(0.005)
    return Evaluation((1.0,))


def test_ctrl_c_stops_the_running_trials_and_returns_what_there_is(study: Study) -> None:
    ended: list[FinishedTrial] = []
    handler = signal.getsignal(signal.SIGINT)
    with in_threads(interrupting(4, until_stopped), threads=3) as evaluate:
        result = search(SPACE, study, evaluate, seed=0, on_end=ended.append)
    assert result.ended == "interrupted"
    states = [t.state for t in result.trials]
    assert states.count("complete") >= 2
    assert states.count("interrupted") >= 1
    assert sorted(t.number for t in ended) == [t.number for t in result.trials]
    assert signal.getsignal(signal.SIGINT) is handler


def test_ctrl_c_never_tears_a_callback(study: Study) -> None:
    torn: list[int] = []

    def record(trial: FinishedTrial) -> None:
        torn.append(trial.number)
        os.kill(os.getpid(), signal.SIGINT) if trial.number == 0 else None
        time.sleep(0.01)
        torn.remove(trial.number)

    result = search(SPACE, replace(study, parallel=1), at_once(x_squared), seed=0, on_end=record)
    assert result.ended == "interrupted"
    assert torn == []


def test_a_second_ctrl_c_does_not_wait(study: Study) -> None:
    let_go = threading.Event()

    def deaf(trial: Trial, _report: Report) -> Evaluation:
        if trial.number == 0:
            for _ in range(2):
                time.sleep(0.1)
                os.kill(os.getpid(), signal.SIGINT)
        let_go.wait(300)
        return Evaluation((1.0,))

    with in_threads(deaf, threads=3) as evaluate:
        with pytest.raises(KeyboardInterrupt):
            search(SPACE, study, evaluate, seed=0)
        let_go.set()


def test_a_study_may_run_on_any_thread(study: Study) -> None:
    found: list[int] = []
    thread = threading.Thread(
        target=lambda: found.append(len(search(SPACE, study, at_once(x_squared), seed=0).trials)), daemon=True
    )
    thread.start()
    thread.join(300)
    assert found == [12]


def test_reports_may_come_from_many_threads(study: Study) -> None:
    def work(trial: Trial, report: Report) -> Evaluation:
        value = x_squared(trial.parameters)
        for step in range(30):
            if report(step, value + 0.9**step):
                return Evaluation((value,), stopped=True)
        return Evaluation((value,))

    pruned = replace(study, trials=60, parallel=8, pruner="median", prune_every=1, sampler="tpe")
    with in_threads(work, threads=8) as evaluate:
        result = search(SPACE, pruned, evaluate, seed=0)
    assert len(result.trials) == 60
    assert {t.state for t in result.trials} == {"complete", "pruned"}


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_pruner_stops_what_is_worse_as_the_direction_says(study: Study, direction: Direction) -> None:
    rules = replace(study, trials=30, parallel=1, pruner="median", prune_every=1, prune_after=0, startup_trials=5)
    curve = curves(lambda point, _step: x_squared(point), rounds=3)
    result = search(SPACE, rules, curve, seed=0, directions=(direction,))
    sign = 1 if direction == "minimize" else -1
    complete, pruned = (
        sorted(sign * x_squared(trial.parameters) for trial in result.trials if trial.state == state)
        for state in ("complete", "pruned")
    )
    assert complete[0] < pruned[0]
    assert median(complete) < median(pruned)


def test_a_pruner_looks_only_every_few_rounds(study: Study) -> None:
    curve = curves(lambda _p, step: float(100 - step), rounds=20)
    result = search(SPACE, replace(study, pruner="median", prune_every=5), curve, seed=0)
    assert {tuple(t.reports) for t in result.trials} == {(4, 9, 14, 19)}


def test_what_mattered_adds_up_and_comes_first(study: Study) -> None:
    result = search(SPACE, replace(study, trials=60), at_once(x_squared), seed=0)
    shares = result.importances()
    assert list(shares) == ["x", "depth"]
    assert sum(found.share for found in shares.values()) == pytest.approx(1)
    assert search(SPACE, replace(study, trials=9), at_once(x_squared), seed=0).importances() == {}


def test_more_trials_say_more_surely_what_mattered(study: Study) -> None:
    few, many = (
        search(SPACE, replace(study, trials=trials), at_once(x_squared), seed=0).importances()["x"]
        for trials in (10, 200)
    )
    assert all(found.low <= found.share <= found.high for found in (few, many))
    assert many.high - many.low < few.high - few.low


def test_a_parameter_that_few_trials_have_is_told_of_without_a_warning_of_a_library() -> None:
    space: SearchSpace = {
        "x": Float(-5, 5),
        "kind": Categorical(("a", "b", "c", "d")),
        "rate": Float(0, 1, only_if=Condition("kind", ("b",))),
    }
    shares = search(space, Study("s", "random", trials=12), at_once(x_squared), seed=0).importances()
    assert "x" in shares


@pytest.mark.parametrize(
    ("study", "space", "message"),
    [
        (Study("s", "grid", trials=4), SPACE, "search_space.x: sampler grid needs"),
        (Study("s", "tpe", trials=4, start_from="earlier"), SPACE, "'earlier' must be looked up"),
        (Study("s", "tpe", trials=4, start_from=({"y": 1},)), SPACE, r"start_from\[0\].y: not in this search space"),
        (Study("s", "tpe", trials=4, objective=("a_b", "c_d")), SPACE, "2 objectives have 1 directions"),
        (Study("s", "tpe", trials=4), {}, "nothing to search"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_starts(study: Study, space: SearchSpace, message: str) -> None:
    started: list[Trial] = []
    with pytest.raises(ConfigError, match=message):
        search(space, study, at_once(x_squared), seed=0, on_start=started.append)
    assert started == []


def test_a_reproducible_study_proposes_the_same_trials_whichever_ends_first() -> None:
    study = Study("s", "tpe", trials=14, parallel=3, reproducible=True)

    def proposals(slow: int) -> list[Point]:
        def work(trial: Trial, _report: Report) -> Evaluation:
            time.sleep(0.03 if trial.number % 3 == slow else 0.001)
            return Evaluation((x_squared(trial.parameters),))

        with in_threads(work, threads=3) as evaluate:
            return [trial.parameters for trial in search(SPACE, study, evaluate, seed=1).trials]

    assert proposals(slow=0) == proposals(slow=1) == proposals(slow=2)


@pytest.mark.parametrize("case", range(60))
def test_the_best_is_never_worse_than_the_configured_point(case: int) -> None:
    draw = random.Random(case)
    sampler = draw.choice(SAMPLERS)
    space: SearchSpace = {
        "x": Float(-5, 5, step=0.5 if sampler == "grid" else None),
        "depth": Int(1, 9),
        "kind": Categorical(("a", "b")),
        "rate": Float(0, 1, step=0.25 if sampler == "grid" else None, only_if=Condition("kind", ("b",))),
    }
    everywhere: dict[str, Choice] = {"x": draw.uniform(-8, 8), "depth": draw.randint(1, 12), "kind": "a"}
    configured = {name: value for name, value in everywhere.items() if draw.random() < 0.8}
    study = Study(
        "s",
        sampler,
        trials=draw.randint(1, 12),
        parallel=draw.randint(1, 3),
        pruner=draw.choice(("none", "median", "hyperband")),
        prune_every=1,
    )
    slope, sign = draw.uniform(-3, 3), draw.choice((1.0, -1.0))

    def curve(point: Point, number: int) -> float:
        # The configured point learns slowly: a pruner that compares beginnings thinks little of it.
        start = 50.0 if point == configured else 0.0
        values: Any = {"x": 0.0, "depth": 3, **point}
        return sign * (values["x"] ** 2 + slope * values["depth"] + start * (19 - number))

    result = search(
        space,
        study,
        curves(curve, rounds=20),
        seed=case,
        directions=("minimize",),
        configured=configured,
        rounds=20,
    )
    first = result.trials[0]
    assert (first.parameters, first.state) == (configured, "complete")
    assert result.best is not None
    assert result.best.values is not None
    assert first.values is not None
    assert result.best.values[0] <= first.values[0]
