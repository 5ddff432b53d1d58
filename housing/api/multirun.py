"""`-m`: a job for every combination of values, all of them under one run."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from housing.api.invocation import invocation_of
from housing.api.unexpected import told
from housing.config.compose import Composed
from housing.config.load import check
from housing.config.schema import Experiment
from housing.config.sweep import Sweep
from housing.errors import ConfigError, HousingError
from housing.secrets import masked_override
from housing.shell import setting
from housing.training.metrics import direction
from housing.workflow.groups import Group, open_group
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter, StudyProgress


def multirun(
    command: str, overrides: Sequence[str], config_dir: Path | None, reporter: Callable[[], Reporter]
) -> Outcome:
    """Run every job; failures do not stop the others, are listed at the end, and make the exit code 1.

    `reporter` makes a new reporter for each job; it must be picklable where jobs run in other processes.
    """
    sweep = Sweep(overrides, config_dir)
    composed = sweep.first()
    experiment = check(composed)
    if experiment.study.resume is not None:
        raise ConfigError("study.resume: one study can be resumed at a time; leave out -m")
    invocation = invocation_of(command, overrides, composed=composed, experiment=experiment)
    goes_on = command == "train" and sweep.runs_here
    with open_group(experiment, invocation, reporter(), goes_on=goes_on) as group:
        job = _Job(command, group.run_id, reporter)
        jobs: list[_Done]
        if not sweep.runs_here:
            jobs = sweep.run_by_plugin(job)
        elif command == "train":
            beside = _Beside(group, reporter())
            jobs = sweep.run(replace(job, beside=beside), parallel=experiment.parallel, stopping=group.stopping)
        else:
            # A study has its own parallel trials, and gets Ctrl-C on the main thread only.
            jobs = sweep.run(job)
        group.failures += [f"{_typed(done.overrides)}: {done.failure}" for done in jobs if done.failure]
    return _outcome(command, group, jobs, experiment, invocation)


@dataclass(frozen=True)
class _Done:
    overrides: tuple[str, ...]
    headline: str = ""
    failure: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class _Beside:
    """Reporter of jobs that train at the same time: each is reported as one step when it ends."""

    def __init__(self, group: Group, reporter: Reporter) -> None:
        self._group = group
        self._reporter = reporter
        self._lock = threading.Lock()

    def train(self, experiment: Experiment, invocation: Invocation, _reporter: Reporter) -> Outcome:
        outcome = self._group.train(experiment, invocation, self)
        self.step("job", f"{_typed(invocation.overrides)}: {outcome.headline}")
        return outcome

    def step(self, name: str, text: str) -> None:
        if name != "train":  # the job's own line has it
            with self._lock:
                self._reporter.step(name, text)

    def working(self, _text: str) -> AbstractContextManager[None]:
        return nullcontext()

    def study_progress(self, _progress: StudyProgress) -> None:
        """Training jobs have no study."""

    def log(self, _line: str) -> None:
        """Log lines of simultaneous jobs are not shown."""

    def ask(self, _question: str, answers: Mapping[str, str]) -> str:
        """The first answer: stopping a multirun stops all of it."""
        return next(iter(answers))


@dataclass(frozen=True)
class _Job:
    """One job of a multirun; `beside` is None where it has a process, or a reporter, to itself."""

    command: str
    group: str
    reporter: Callable[[], Reporter]
    beside: _Beside | None = None

    def __call__(self, composed: Composed, overrides: tuple[str, ...]) -> _Done:
        from housing.workflow.commands import command

        typed = _typed(overrides)
        reporter: Reporter
        step: Callable[..., Outcome]
        if self.beside is not None:
            reporter, step = self.beside, self.beside.train
        else:
            reporter, step = self.reporter(), command(self.command)
            reporter.step("job", typed)
        try:
            experiment = check(composed)
            invocation = invocation_of(
                self.command, overrides, composed=composed, experiment=experiment, parent_run_id=self.group
            )
            outcome = step(experiment, invocation, reporter)
        except HousingError as error:
            reporter.step("failed", f"{typed}: {error}")
            return _Done(overrides, failure=str(error))
        except Exception as error:
            # A bug in one job must not stop the others.
            failure, _ = told(error)
            reporter.step("failed", f"{typed}: {failure}")
            return _Done(overrides, failure=failure)
        return _Done(overrides, outcome.headline, data=outcome.data)


def _typed(overrides: Iterable[str]) -> str:
    return " ".join(map(masked_override, overrides))


def _outcome(
    command: str, group: Group, jobs: Sequence[_Done], experiment: Experiment, invocation: Invocation
) -> Outcome:
    """The outcome with a table of jobs, best first, failed ones last; `data` has them in the order of the values."""
    failed = [job for job in jobs if job.failure]
    # Overrides that all jobs share, such as target=rehearsal, do not distinguish them.
    shared = set(jobs[0].overrides).intersection(*(job.overrides for job in jobs)) if len(jobs) > 1 else set()
    objective = experiment.study.objectives[0]
    ranked = sorted(jobs, key=lambda job: _cost(job, objective, experiment))
    rows = [
        (
            rank if _value(job, objective) is not None else None,
            _typed(override for override in job.overrides if override not in shared),
            _value(job, objective),
            job.failure.splitlines()[0] if job.failure else job.headline.partition(":")[0],
        )
        for rank, job in enumerate(ranked, start=1)
    ]
    return Outcome(
        headline=f"{command}: {len(jobs) - len(failed):,} of {len(jobs):,} jobs done",
        data={
            "run_id": group.run_id,
            "jobs": [
                {
                    "overrides": [masked_override(each) for each in job.overrides],
                    "failure": job.failure or None,
                    **job.data,
                }
                for job in jobs
            ],
        },
        tables=(OutputTable("", ("rank", "job", objective, "result"), rows),),
        recorded=group.records_at,
        next_commands=_next(ranked, group, command, invocation, objective),
        exit_code=1 if failed else 0,
    )


def _next(
    ranked: Sequence[_Done], group: Group, command: str, invocation: Invocation, objective: str
) -> list[tuple[str, str]]:
    done = [job for job in ranked if _value(job, objective) is not None]
    commands = [(invocation.next("compare", group.handle), "what differs between them")] if len(done) > 1 else []
    if done and command == "train":
        best = str(done[0].data["run_id"])[:8]
        told = "final fit with the hyperparameters of the best, gate, registry"
        commands.append((invocation.next("promote", setting("candidate", best), *done[0].overrides), told))
    return [*commands, (invocation.next("ui"), "all of them in the browser")]


def _value(job: _Done, objective: str) -> float | None:
    """The objective of a training job, or of a study's best trial; None for NaN."""
    found = job.data.get("metrics", job.data.get("best", {})).get(objective)
    return float(found) if isinstance(found, int | float) and not math.isnan(found) else None


def _cost(job: _Done, objective: str, experiment: Experiment) -> float:
    """Sort key: lower is better, and jobs without a value come last."""
    value = _value(job, objective)
    if value is None:
        return math.inf
    return value if direction(objective, experiment.algorithm.directions) == "minimize" else -value
