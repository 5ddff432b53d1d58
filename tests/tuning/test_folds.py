from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from housing.errors import TrainingError
from housing.tuning.folds import evaluate_folds
from housing.tuning.space import Float
from housing.tuning.spec import Study
from housing.tuning.study import search
from housing.tuning.trial import Evaluation, Report, Trial

SPACE = {"x": Float(0, 1)}


def test_a_trial_is_the_mean_over_its_folds_and_hopeless_folds_are_never_started() -> None:
    started: dict[int, list[int]] = {}

    with ThreadPoolExecutor(3) as pool:

        def evaluate(trial: Trial, report: Report) -> Future[Evaluation]:
            def submit(fold: int, _report: Report) -> Future[Evaluation]:
                started.setdefault(trial.number, []).append(fold)
                return pool.submit(lambda: Evaluation((float(trial.parameters["x"]) + fold,)))

            return evaluate_folds(submit, folds=5, report=report)

        study = Study("s", "random", trials=20, parallel=2, folds=5, pruner="median", startup_trials=4)
        result = search(SPACE, study, evaluate, seed=0)

    states = {t.number: t.state for t in result.trials}
    assert set(states.values()) == {"complete", "pruned"}
    for trial in result.trials:
        assert started[trial.number] == list(range(len(started[trial.number])))
        assert (len(started[trial.number]) == 5) == (trial.state == "complete")
        assert trial.values is not None
        mean_fold = (len(started[trial.number]) - 1) / 2
        assert trial.values[0] == pytest.approx(float(trial.parameters["x"]) + mean_fold)


def test_a_failing_fold_fails_its_trial() -> None:
    def evaluate(trial: Trial, report: Report) -> Future[Evaluation]:
        def submit(fold: int, _report: Report) -> Future[Evaluation]:
            if fold == 1 and trial.number == 1:
                raise TrainingError("fold 1 has no rows")
            future: Future[Evaluation] = Future()
            future.set_result(Evaluation((1.0,)))
            return future

        return evaluate_folds(submit, folds=3, report=report)

    result = search(SPACE, Study("s", "random", trials=3, folds=3), evaluate, seed=0)
    assert [t.state for t in result.trials] == ["complete", "failed", "complete"]
    assert result.trials[1].error == "fold 1 has no rows"


def test_a_fold_stops_when_the_study_does() -> None:
    def fold_work(report: Report) -> Evaluation:
        deadline = time.monotonic() + 300
        while not report(0, 1.0):
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return Evaluation((1.0,), stopped=True)

    def broken_record(_trial: object) -> None:
        raise OSError("no space left on device")

    with ThreadPoolExecutor(2) as pool:

        def evaluate(trial: Trial, report: Report) -> Future[Evaluation]:
            if trial.number == 0:
                return pool.submit(lambda: Evaluation((1.0,)))
            return evaluate_folds(lambda _fold, r: pool.submit(fold_work, r), folds=3, report=report)

        with pytest.raises(OSError, match="no space left"):
            search(SPACE, Study("s", "random", trials=9, parallel=2, folds=3), evaluate, seed=0, on_end=broken_record)
