"""The runs of a study's trials, from any engine: each is described, ended once, and shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from housing.config.schema import CHOOSABLE
from housing.tracking import schema
from housing.tracking.trial import proposal_tags, trial_tags
from housing.tuning.space import bare
from housing.workflow.leaderboard import Leaderboard
from housing.workflow.model_card import trial_note
from housing.workflow.reuse import job_tags

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.tracking.reader import Run
    from housing.training.job import TrainingResult
    from housing.tuning.trial import FinishedTrial, Trial
    from housing.workflow.job_run import JobRun
    from housing.workflow.resuming import OpenStudy
    from housing.workflow.session import Session


_NONE: Mapping[str, bytes] = {}


class TrialRuns:
    """For the study's own thread."""

    def __init__(self, session: Session, study: OpenStudy) -> None:
        self._session = session
        self._study = study
        self._leaderboard = Leaderboard(session, study.past)

    def session(self, trial: Trial | FinishedTrial) -> Session:
        """The session whose data the trial trains on."""
        return self._session.choosing(chosen_options(trial.parameters))

    def hyperparameters(self, trial: Trial) -> dict[str, Any]:
        """The configured hyperparameters, overridden by the trial's."""
        proposed = {bare(name): value for name, value in trial.parameters.items() if name not in CHOOSABLE}
        return dict(self.session(trial).experiment.algorithm.hyperparameters) | proposed

    def name(self, trial: Trial) -> str:
        """The trial's name in the record."""
        from housing.tracking.names import trial_name

        return trial_name(trial.number, trial.parameters, trials=self._session.experiment.study.trials)

    def run_of(self, trial: Trial, *, channels: Iterable[Channel] | None = None, again: Run | None = None) -> JobRun:
        """The child run of a trial: a new one, or `again`, which an earlier command has left with its job."""
        session, hyperparameters = self.session(trial), self.hyperparameters(trial)
        options = chosen_options(trial.parameters)
        return session.recording.job_run(
            self.name(trial),
            kind="job",
            hyperparameters=hyperparameters,
            parent=self._study.opened.run_id,
            tags={
                schema.STUDY: self._study.name,
                **proposal_tags(trial),
                **job_tags(session, hyperparameters, session.prepared.channels.values()),
                **({schema.CHOICES: json.dumps(options)} if options else {}),
            },
            channels=channels,
            whole=False,
            again=again,
        )

    def started(self, trial: Trial) -> None:
        """The trial's first job has been submitted."""
        self._leaderboard.started(trial)

    def end(
        self,
        trial: FinishedTrial,
        run: JobRun,
        result: TrainingResult | None,
        *,
        reused_from: str | None = None,
        files: Mapping[str, bytes] = _NONE,
    ) -> None:
        """Record how the trial went; `result` is that of its job, or of the run whose result it reuses.

        `files` are kept beside the trial's model, by path.
        """
        note = trial_note(self._study.name, trial, self._session.experiment.study.objectives)
        tags = trial_tags(trial) | ({schema.REUSED_FROM: reused_from} if reused_from else {}) | {schema.NOTE: note}
        recording, destination = self._session.recording, self._study.recorder.destination
        if trial.state == "interrupted" and trial.error is not None:
            # Refused by the budget, or its target could not be reached: a job that has not begun is not recorded; the
            # run of one that has stays open for the next command, unless it has certainly failed.
            if self._session.running_jobs.is_over(run):
                recording.fail(run, trial.error, destination=destination, tags=tags)
        elif result is not None:
            stopped = replace(result, stopped=trial.state != "complete")
            recording.end_trial(run, stopped, destination=destination, tags=tags, files=files)
        elif trial.state == "interrupted" and run.run_id is not None:
            self._session.runs.finish(run.run_id, "KILLED", tags=tags)
        else:
            recording.fail(run, trial.error or trial.state, destination=destination, tags=tags)
        self._study.recorder.check()
        self._leaderboard.ended(trial)


def chosen_options(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The options of configuration groups among a trial's parameters, by group."""
    return {group: str(parameters[group]) for group in CHOOSABLE if group in parameters}


def recorded_options(source: Run) -> dict[str, str]:
    """The options of configuration groups that the source's study chose for it, which its final fit needs, too."""
    options: dict[str, str] = json.loads(source.tags.get(schema.CHOICES, "{}"))
    return options
