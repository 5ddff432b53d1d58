"""The trials of a study: proposals become training jobs, and their results become runs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from housing.training.job import TrainingResult
from housing.workflow.board import Board
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.tuning.trial import Evaluation, FinishedTrial, Report, Trial


class Trials:
    """Turns proposals into jobs and their results into runs; all but `evaluate`'s jobs on the study's own thread."""

    def __init__(self, session: Session, run_id: str, name: str) -> None:
        self._session = session
        self._run_id = run_id
        self._name = name
        self._results: dict[int, TrainingResult] = {}
        self._board = Board(session)

    def evaluate(self, trial: Trial, report: Report) -> Future[Evaluation]:
        """Start the trial's job; each round's objective goes to `report`, whose answer may stop it."""
        from housing.tuning.trial import Evaluation

        session = self._session
        objectives = session.experiment.study.objectives

        def progress(number: int, metrics: Mapping[str, float]) -> bool:
            return report(number, metrics[objectives[0]])

        outcome: Future[Evaluation] = Future()

        def done(future: Future[TrainingResult]) -> None:
            if (error := future.exception()) is not None:
                outcome.set_exception(error)
                return
            result = future.result()
            self._results[trial.number] = result
            outcome.set_result(Evaluation(tuple(result.metrics[name] for name in objectives), stopped=result.stopped))

        job = session.job(self._run_name(trial), self._hyperparameters(trial))
        session.runner.submit(job, progress).add_done_callback(done)
        self._board.started(trial)
        return outcome

    def record(self, trial: FinishedTrial) -> None:
        """Keep the trial as a child run and show the leaderboard."""
        session = self._session
        tags = {
            "housing.study": self._name,
            "housing.trial": f"{trial.number:05d}",
            "housing.state": trial.state,
        }
        result = self._results.pop(trial.number, None)
        if result is None:
            session.runs.record_failure(
                self._run_name(trial),
                trial.error or trial.state,
                kind="job",
                parent=self._run_id,
                params=session.parameters | self._hyperparameters(trial),
                tags=session.run_tags | tags,
            )
        else:
            session.record(
                result,
                self._run_name(trial),
                kind="job",
                hyperparameters=self._hyperparameters(trial),
                parent=self._run_id,
                tags=tags,
            )
        self._board.ended(trial)

    def _hyperparameters(self, trial: Trial | FinishedTrial) -> dict[str, Any]:
        return dict(self._session.experiment.algorithm.hyperparameters) | dict(trial.parameters)

    def _run_name(self, trial: Trial | FinishedTrial) -> str:
        from housing.tracking.names import trial_name

        return trial_name(trial.number, trial.parameters, trials=self._session.experiment.study.trials)
