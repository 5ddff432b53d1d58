"""The trials of a study: proposals become training jobs, and their results become runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.config.schema import CHOOSABLE, Experiment
from housing.tracking.trial import REUSED_TAG, trial_tags
from housing.training.folds import mean_result
from housing.training.job import TrainingResult
from housing.tuning.space import Categorical, grid, partition
from housing.workflow.board import Board
from housing.workflow.resuming import TakenUp
from housing.workflow.reuse import Reusable, job_tags
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.tuning.trial import Evaluation, FinishedTrial, Report, Trial

CHOICES_TAG = "housing.choices"
"""The options of configuration groups that a trial chose, as JSON (`{"features": "domain"}`)."""


class Trials:
    """Turns proposals into jobs and their results into runs; all but `evaluate`'s jobs on the study's own thread."""

    def __init__(self, session: Session, study: TakenUp) -> None:
        self._session = session
        self._study = study
        self._results: dict[int, list[TrainingResult]] = {}
        self._board = Board(session, study.past)
        self._reusable = Reusable(session)
        self._reused: dict[int, str] = {}

    def evaluate(self, trial: Trial, report: Report) -> Future[Evaluation]:
        """Start the trial's job, or those of its folds one after another; `report` may stop it after any round."""
        from housing.tuning.folds import evaluate_folds

        session, name = self._chosen(trial), self._run_name(trial)
        folds = session.experiment.study.folds
        self._results[trial.number] = []
        if (reused := self._reused_result(trial)) is not None:
            outcome = reused
        elif folds == 1:
            outcome = self._start(trial, report, channels=session.staged, name=name)
        else:
            outcome = evaluate_folds(
                lambda fold, only_stop: self._start(
                    trial, only_stop, channels=session.staged_folds[fold], name=f"{name} fold {fold}"
                ),
                folds=folds,
                report=report,
            )
        self._board.started(trial)
        return outcome

    def record(self, trial: FinishedTrial) -> None:
        """Keep the trial as a child run and show the leaderboard."""
        session = self._chosen(trial)
        hyperparameters = self._hyperparameters(trial)
        by_fold = session.experiment.study.folds > 1
        tags = {"housing.study": self._study.name, **trial_tags(trial), **self._job_tags(trial)}
        if reused := self._reused.pop(trial.number, None):
            tags[REUSED_TAG] = reused
        if options := chosen_options(trial.parameters):
            tags[CHOICES_TAG] = json.dumps(options)
        results = self._results.pop(trial.number, [])
        if trial.state == "failed" or not results:
            self._study.keeping.recorder.record_failure(
                self._run_name(trial),
                trial.error or trial.state,
                kind="job",
                parent=self._study.opened.run_id,
                params=session.parameters | hyperparameters,
                tags=session.run_tags | tags,
            )
        else:
            result = mean_result(results) if by_fold and not reused else results[0]
            session.record_trial(
                replace(result, stopped=trial.state != "complete"),
                self._run_name(trial),
                recorder=self._study.keeping.recorder,
                hyperparameters=hyperparameters,
                parent=self._study.opened.run_id,
                tags=tags,
                channels=[session.prepared.channels["train"]] if by_fold else None,
            )
        self._study.keeping.check()
        self._board.ended(trial)

    def _reused_result(self, trial: Trial) -> Future[Evaluation] | None:
        """The evaluation of a trial that a finished run has done already."""
        from housing.tuning.trial import Evaluation

        objectives = self._session.experiment.study.objectives
        found = self._reusable.find(self._job_tags(trial), objectives)
        if found is None:
            return None
        self._reused[trial.number], result = found
        self._results[trial.number].append(result)
        outcome: Future[Evaluation] = Future()
        outcome.set_result(Evaluation(tuple(result.measured[name] for name in objectives), reused=True))
        return outcome

    def _job_tags(self, trial: Trial | FinishedTrial) -> dict[str, str]:
        session = self._chosen(trial)
        return job_tags(session, self._hyperparameters(trial), session.prepared.channels.values())

    def _start(self, trial: Trial, report: Report, *, channels: Mapping[str, Any], name: str) -> Future[Evaluation]:
        from housing.tuning.trial import Evaluation

        session = self._chosen(trial)
        objectives = session.experiment.study.objectives

        def progress(number: int, metrics: Mapping[str, float]) -> bool:
            return report(number, metrics[objectives[0]])

        outcome: Future[Evaluation] = Future()
        # Nobody may cancel it: the job is asked to stop after its next round instead, and then ends it.
        outcome.set_running_or_notify_cancel()

        def done(future: Future[TrainingResult]) -> None:
            if (error := future.exception()) is not None:
                outcome.set_exception(error)
                return
            result = future.result()
            self._results[trial.number].append(result)
            values = tuple(result.measured[objective] for objective in objectives)
            outcome.set_result(Evaluation(values, stopped=result.stopped))

        job = session.job(name, self._hyperparameters(trial), channels)
        session.runner.submit(job, progress).add_done_callback(done)
        return outcome

    def _chosen(self, trial: Trial | FinishedTrial) -> Session:
        """The session whose data the trial trains on."""
        return self._session.choosing(chosen_options(trial.parameters))

    def _hyperparameters(self, trial: Trial | FinishedTrial) -> dict[str, Any]:
        proposed = {name: value for name, value in trial.parameters.items() if name not in CHOOSABLE}
        return dict(self._session.experiment.algorithm.hyperparameters) | proposed

    def _run_name(self, trial: Trial | FinishedTrial) -> str:
        from housing.tracking.names import trial_name

        return trial_name(trial.number, trial.parameters, trials=self._session.experiment.study.trials)


def chosen_options(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The options of configuration groups among a trial's parameters, by group."""
    return {group: str(parameters[group]) for group in CHOOSABLE if group in parameters}


def stage(session: Session) -> dict[str, Session]:
    """Reads and stages all data that the study's trials may choose; returns the sessions by what was chosen.

    Raises DataError, so that nothing is recorded where any of it is bad.
    """
    _, groups = partition(session.experiment.search_space, groups=CHOOSABLE)
    sessions = {}
    for point in grid(groups):
        options = chosen_options(point)
        sessions[" ".join(f"{group}={option}" for group, option in options.items())] = session.choosing(options)
    for each in sessions.values():
        _ = each.staged if each.experiment.study.folds == 1 else each.staged_folds
    return sessions


def most_rounds(experiment: Experiment) -> int | None:
    """The most rounds that a trial can train; None for an algorithm that counts none."""
    distribution = experiment.search_space.get("num_round")
    if distribution is None:
        rounds = experiment.algorithm.hyperparameters.get("num_round")
        return None if rounds is None else int(rounds)
    return int(max(distribution.choices) if isinstance(distribution, Categorical) else distribution.high)
