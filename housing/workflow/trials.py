"""The trials of a study: proposals become training jobs, and their results become runs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

from housing.config.schema import CHOOSABLE, Experiment
from housing.tracking.trial import proposed_trial
from housing.training.folds import mean_result, values_of_fits
from housing.training.job import TrainingResult
from housing.tuning.space import Categorical, grid, partition
from housing.workflow.blending import held_out_file
from housing.workflow.configured import Baseline
from housing.workflow.job_run import JobRun
from housing.workflow.resuming import OpenStudy
from housing.workflow.reuse import Reusable
from housing.workflow.session import Session
from housing.workflow.trial_runs import TrialRuns, chosen_options

if TYPE_CHECKING:
    from housing.tuning.space import Point
    from housing.tuning.trial import Evaluation, FinishedTrial, Report, Trial


class Trials:
    """Turns proposals into jobs and their results into runs; all except the jobs on the study's own thread."""

    def __init__(self, session: Session, study: OpenStudy, baseline: Baseline | None = None) -> None:
        self._session = session
        self._study = study
        self._baseline = baseline
        self._trial_runs = TrialRuns(session, study)
        self._runs: dict[int, JobRun] = {}
        self._results: dict[int, list[TrainingResult]] = {}
        self._reusable = Reusable(session)
        self._reused: dict[int, str] = {}

    @property
    def begun(self) -> dict[int, Point]:
        """The points of trials that an earlier command started but did not end, by number."""
        found = {number: proposed_trial(run) for number, run in self._study.begun.items()}
        return {number: trial.parameters for number, trial in found.items() if trial is not None}

    def evaluate(self, trial: Trial, report: Report) -> Future[Evaluation]:
        """Start the trial's job, or those of its fits one after another; `report` may stop it after any round."""
        from housing.tuning.folds import evaluate_folds

        session, name = self._trial_runs.session(trial), self._trial_runs.name(trial)
        study = session.experiment.study
        self._results[trial.number] = []
        self._runs[trial.number] = self._trial_runs.run_of(
            trial,
            channels=[session.prepared.channels["train"]] if study.folds > 1 else None,
            again=self._study.begun.get(trial.number),
        )
        if (reused := self._reused_result(trial)) is not None:
            outcome = reused
        elif study.fits == 1:
            outcome = self._start(trial, report, channels=session.staged, name=name)
        else:
            outcome = evaluate_folds(
                lambda fit, only_stop: self._start_fit(trial, only_stop, fit), folds=study.fits, report=report
            )
        self._trial_runs.started(trial)
        return outcome

    def record(self, trial: FinishedTrial) -> None:
        """Record the trial as a child run and show the leaderboard."""
        run, results = self._runs.pop(trial.number), self._results.pop(trial.number, [])
        reused = self._reused.pop(trial.number, None)
        result = None
        if results and trial.state != "failed":
            study = self._session.experiment.study
            each = "fold" if study.folds > 1 else "repeat"
            result = mean_result(results, each=each) if study.fits > 1 and not reused else results[0]
        files = held_out_file(self._trial_runs.session(trial), results) if result is not None and not reused else {}
        self._trial_runs.end(trial, run, result, reused_from=reused, files=files)

    def _reused_result(self, trial: Trial) -> Future[Evaluation] | None:
        """The evaluation of a trial that a finished run has already done, if any."""
        from housing.tuning.trial import Evaluation

        objectives = self._session.experiment.study.objectives
        kind = self._trial_runs.session(trial).experiment.algorithm.kind
        tags = self._runs[trial.number].tags
        found = self._of_the_baseline(trial) or self._reusable.find(tags, objectives, algorithm=kind)
        if found is None:
            return None
        self._reused[trial.number], result = found
        self._results[trial.number].append(result)
        outcome: Future[Evaluation] = Future()
        fits = values_of_fits(result.metrics, objectives[0])
        outcome.set_result(Evaluation(result.values_of(objectives), reused=True, fits=fits))
        return outcome

    def _of_the_baseline(self, trial: Trial) -> tuple[str, TrainingResult] | None:
        """The job of the configured point, if the command has trained it before its study; it is a single fit."""
        if self._baseline is None or not trial.configured or self._session.experiment.study.fits > 1:
            return None
        return self._baseline.run_id, self._baseline.result

    def _start_fit(self, trial: Trial, report: Report, number: int) -> Future[Evaluation]:
        """One of a trial's fits: all folds with the first seed, then all of them with the next."""
        session, name = self._trial_runs.session(trial), self._trial_runs.name(trial)
        folds = session.experiment.study.folds
        repeat, fold = divmod(number, folds)
        channels = session.staged_folds[fold] if folds > 1 else session.staged
        told = f"{name} fold {fold}" if folds > 1 else name
        told += f" repeat {repeat}" if session.experiment.study.repeats > 1 else ""
        return self._start(trial, report, channels=channels, name=told, repeat=repeat)

    def _start(
        self, trial: Trial, report: Report, *, channels: Mapping[str, Any], name: str, repeat: int = 0
    ) -> Future[Evaluation]:
        from housing.tuning.trial import Evaluation

        session = self._trial_runs.session(trial)
        objectives = session.experiment.study.objectives

        def progress(number: int, metrics: Mapping[str, float]) -> bool:
            value = metrics.get(objectives[0])
            # None for a metric of the finished model only: rounds cannot be judged.
            return report.stopping() if value is None else report(number, value)

        outcome: Future[Evaluation] = Future()
        # It cannot be cancelled: the job is asked to stop after its next round instead, which ends it.
        outcome.set_running_or_notify_cancel()

        def done(future: Future[TrainingResult]) -> None:
            if (error := future.exception()) is not None:
                # A job that is stopped before it has a model raises; that is not a failure of the trial.
                outcome.set_exception(CancelledError() if session.running_jobs.stopping else error)
                return
            result = future.result()
            self._results[trial.number].append(result)
            outcome.set_result(Evaluation(result.values_of(objectives), stopped=result.stopped))

        job = session.job(
            name, self._trial_runs.hyperparameters(trial), channels, seed=session.experiment.seed + repeat
        )
        run = self._runs[trial.number]
        live = session.experiment.study.fits == 1  # a trial's rounds are those of all its fits
        session.running_jobs.submit(job, run, session.recording, progress, live=live).add_done_callback(done)
        return outcome


def stage(session: Session) -> dict[str, Session]:
    """Read and stage all data that the study's trials may choose; returns the sessions by the options chosen.

    Raises DataError before anything is recorded.
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
    """The maximum number of rounds of a trial; None for an algorithm without rounds."""
    counting = experiment.algorithm.rounds
    if counting is None:
        return None
    distribution = experiment.search_space.get(counting)
    if distribution is None:
        rounds = experiment.algorithm.hyperparameters.get(counting)
        return None if rounds is None else int(rounds)
    return int(max(distribution.choices) if isinstance(distribution, Categorical) else distribution.high)
