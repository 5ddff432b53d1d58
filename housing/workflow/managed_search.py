"""A study that the target runs by itself: its jobs appear as child runs while it is running."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from housing.config.schema import CHOOSABLE
from housing.errors import ConfigError, TrackingError
from housing.targets.base import SearchingRunner
from housing.targets.managed import ManagedJob, ManagedStudy
from housing.tracking import schema
from housing.tracking.run_record import RunRecord
from housing.tracking.studies import latest_study
from housing.tracking.trial import finished_trial
from housing.training.metrics import direction
from housing.tuning.space import partition
from housing.tuning.study_loop import Ended, interrupt_as_event
from housing.tuning.trial import FinishedTrial, State, Trial
from housing.workflow.job_run import JobRun
from housing.workflow.resuming import OpenStudy
from housing.workflow.session import Session
from housing.workflow.trial_runs import TrialRuns

if TYPE_CHECKING:
    from housing.tracking.reader import Run
    from housing.tuning.study import StudyResult


def refuse_unsearchable(session: Session) -> None:
    """Raises ConfigError if the target cannot search by itself, or not this space with these settings."""
    experiment = session.experiment
    spec, space = experiment.study, experiment.search_space
    if not isinstance(session.runner, SearchingRunner):
        raise ConfigError(
            f"study.engine: {spec.engine} is a search that Amazon SageMaker runs, and target@runner="
            f"{experiment.runner.name} trains elsewhere; choose target@runner=sagemaker or target=rehearsal, or "
            "study.engine=optuna"
        )
    _, chosen = partition(space, groups=CHOOSABLE)
    found = [
        f"search_space.{name}: {spec.engine} varies hyperparameters only; study.engine=optuna chooses between {name}s"
        for name in chosen
    ]
    found += session.runner.search_faults(spec, space, experiment.algorithm.kind, experiment.algorithm.code)
    if found:
        raise ConfigError("\n".join(found))
    if spec.reproducible and spec.parallel > 1 and spec.sampler == "tpe":
        session.reporter.step("study", "which job ends first decides what comes next; study.parallel=1 is repeatable")


def managed_search(session: Session, study: OpenStudy) -> StudyResult:
    """Run the configured study at the target, or resume one that an earlier command has left there.

    A study that has ended there with too few trials is continued by a new one, which learns from it.
    """
    return _ManagedSearch(session, study).run()


class _ManagedSearch:
    def __init__(self, session: Session, study: OpenStudy) -> None:
        self._session = session
        self._study = study
        self._trial_runs = TrialRuns(session, study)
        self._trials = {trial.number: trial for trial in study.past}
        self._next = 1 + max(self._trials, default=-1)
        self._jobs: dict[str, _Job] = {}
        self._ended: set[str] = set()
        self._interrupted = threading.Event()
        for child in session.runs.children(study.opened.run_id) if study.earlier is not None else ():
            self._remember(child)

    def run(self) -> StudyResult:
        from housing.tuning.study import StudyResult

        experiment, began = self._session.experiment, time.monotonic()
        earlier = self._study.earlier
        handles = earlier.tags.get(schema.JOB, "").split() if earlier is not None else []
        if handles:
            self._search(handles[-1], handles[:-1])
        while not self._interrupted.is_set() and (left := experiment.study.trials - self._counted) > 0:
            before = self._counted
            self._search(self._begin(handles, left), self._parents() + handles[:-1], trials=left)
            if self._counted == before or not handles[:-1]:
                break
        objectives = tuple(direction(each, experiment.algorithm.directions) for each in experiment.study.objectives)
        trials = tuple(self._trials[number] for number in sorted(self._trials))
        ended: Ended = "interrupted" if self._interrupted.is_set() or self._session.running_jobs.stopping else "trials"
        return StudyResult(experiment.search_space, objectives, trials, ended, time.monotonic() - began)

    @property
    def _counted(self) -> int:
        return sum(trial.state != "interrupted" for trial in self._trials.values())

    def _begin(self, handles: list[str], trials: int) -> str:
        """The handle of a new study, whose budget is reserved and which is recorded before it begins."""
        running_jobs, opened = self._session.running_jobs, self._study.opened
        assert isinstance(running_jobs.runner, SearchingRunner)  # refuse_unsearchable
        running_jobs.ledger.reserve(running_jobs.runner.rental, self._study.name, jobs=trials)
        handle = running_jobs.runner.study_handle()
        handles.append(handle)
        opened.tags[schema.JOB] = " ".join(handles)
        self._session.runs.annotate(opened.run_id, tags={schema.JOB: opened.tags[schema.JOB]})
        return handle

    def _parents(self) -> list[str]:
        """Handles, at the target, of the study that this one starts from."""
        start = self._session.experiment.study.start_from
        if not isinstance(start, str):
            return []
        earlier = latest_study(self._session.runs, start)
        handles = earlier.tags.get(schema.JOB, "").split()
        if not handles:
            raise ConfigError(f"study.start_from: {earlier.name} was not searched with study.engine=amt")
        return handles

    def _search(self, handle: str, parents: Sequence[str], *, trials: int | None = None) -> None:
        session, spec = self._session, self._session.experiment.study
        self._study.opened.tags.setdefault(schema.JOB, " ".join([*parents, handle]))
        tags = session.recording.run_tags | {schema.STUDY: self._study.name}
        run = JobRun(RunRecord(self._study.name, kind="study", tags=tags, into=self._study.opened.run_id))
        job = session.job(self._study.name, session.experiment.algorithm.hyperparameters)
        managed = ManagedStudy(
            handle,
            replace(spec, trials=trials or spec.trials),
            session.experiment.search_space,
            replace(job, tags=session.running_jobs.job_tags(run)),
            tuple(parents),
        )
        runner = session.running_jobs.runner
        assert isinstance(runner, SearchingRunner)  # refuse_unsearchable
        with (
            session.running_jobs.studying(handle, run),
            interrupt_as_event(self._interrupted, session.running_jobs.decide),
        ):
            runner.search(managed, self._watch)

    def _watch(self, job: ManagedJob) -> bool:
        """A job has changed; returns whether the study is to stop."""
        if job.handle not in self._ended:
            known = self._jobs.get(job.handle)
            if known is None:
                known = self._jobs[job.handle] = self._started(job)
            self._note_rounds(known, job)
            if job.state != "running":
                self._end(known, job)
        return self._interrupted.is_set() and not self._session.running_jobs.leaving

    def _started(self, job: ManagedJob) -> _Job:
        session, space = self._session, self._session.experiment.search_space
        trial = Trial(
            self._next,
            {name: job.hyperparameters[name] for name in space if name in job.hyperparameters},  # type: ignore[misc]
        )
        self._next += 1
        known = _Job(trial, self._run(trial, job.handle))
        # The job continues even if the record is unreachable; its run is then written when the job has ended.
        with suppress(TrackingError):
            session.recording.open(known.run)
        self._trial_runs.started(trial)
        return known

    def _run(self, trial: Trial, handle: str, again: Run | None = None) -> JobRun:
        run = self._trial_runs.run_of(trial, again=again)
        run.handles = [handle]
        return run

    def _note_rounds(self, known: _Job, job: ManagedJob) -> None:
        rounds = min(map(len, job.history.values()), default=0)
        if known.run.run_id is not None and job.state == "running":
            for number in range(known.rounds, rounds):
                values = {name: values[number] for name, values in job.history.items()}
                self._session.resources.record.rounds.note(known.run.run_id, number, values)
        known.rounds = max(known.rounds, rounds)

    def _end(self, known: _Job, job: ManagedJob) -> None:
        trial = self._finished(known.trial, job)
        self._ended.add(job.handle)
        self._trials[trial.number] = trial
        self._trial_runs.end(trial, known.run, job.result)

    def _finished(self, trial: Trial, job: ManagedJob) -> FinishedTrial:
        objectives, result = self._session.experiment.study.objectives, job.result
        values = result.values_of(objectives) if result is not None else None
        stopping = self._session.running_jobs.stopping
        if job.state == "failed" and not stopping:
            return FinishedTrial(trial.number, trial.parameters, "failed", error=job.reason or "failed")
        stopped: State = "interrupted" if stopping else "pruned"
        return FinishedTrial(
            trial.number,
            trial.parameters,
            "complete" if job.state == "complete" else stopped,
            values,
            seconds=result.seconds if result is not None else 0.0,
        )

    def _remember(self, child: Run) -> None:
        """Restore a job of an earlier command: it has ended, or is followed further in its run."""
        from housing.tracking.trial import proposed_trial

        trial = proposed_trial(child)
        for handle in child.tags.get(schema.JOB, "").split():
            if child.status == "RUNNING" and trial is not None:
                objective = self._session.experiment.study.objectives[0]
                known = _Job(trial, self._run(trial, handle, again=child))
                known.rounds = len(self._session.runs.history(child.id, objective))
                self._session.recording.take_up(known.run)
                self._jobs[handle] = known
                self._next = max(self._next, trial.number + 1)
                self._trial_runs.started(trial)
            elif finished_trial(child) is not None:
                self._ended.add(handle)


class _Job:
    """A running job: its trial, its run, and how many of its rounds have been logged."""

    def __init__(self, trial: Trial, run: JobRun) -> None:
        self.trial = trial
        self.run = run
        self.rounds = 0
