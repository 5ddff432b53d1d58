"""`-m`: a job for every combination of values, all of them under one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from housing.cli.arguments import Request
from housing.cli.invocation import invocation_of
from housing.config import sweep
from housing.config.compose import Composed
from housing.config.load import check
from housing.errors import ConfigError, HousingError
from housing.workflow import Outcome, Table, close_group, open_group


def multirun(request: Request) -> Outcome:
    """Every job that can be done is done; one that fails is told at the end, and the exit code is 1."""
    command = str(request.command)
    composed = sweep.first(request.overrides, request.config_dir)
    experiment = check(composed)
    if experiment.study.resume is not None:
        raise ConfigError("study.resume: one study goes on at a time; leave out -m")
    invocation = invocation_of(command, request.overrides, composed=composed, experiment=experiment)
    group = open_group(experiment, invocation)
    failures = ["interrupted"]
    try:
        jobs: list[_Done] = sweep.run(request.overrides, request.config_dir, _Job(command, group, as_json=request.json))
        failures = [f"{' '.join(job.overrides)}: {job.failure}" for job in jobs if job.failure]
    finally:
        close_group(experiment, group, failures)
    return _outcome(command, group, jobs)


@dataclass(frozen=True)
class _Done:
    overrides: tuple[str, ...]
    headline: str = ""
    failure: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Job:
    command: str
    group: str
    as_json: bool

    def __call__(self, composed: Composed, overrides: tuple[str, ...]) -> _Done:
        from housing import workflow
        from housing.console import Console

        console = Console(as_json=self.as_json)
        console.step("job", " ".join(overrides))
        step: Callable[..., Outcome] = getattr(workflow, self.command)
        try:
            experiment = check(composed)
            invocation = invocation_of(
                self.command, overrides, composed=composed, experiment=experiment, parent_run_id=self.group
            )
            outcome = step(experiment, invocation, console)
        except HousingError as error:
            console.step("failed", str(error))
            return _Done(overrides, failure=str(error))
        except Exception as error:
            # A bug in one job must not take the others with it.
            failure = f"this is a bug in housing: {type(error).__name__}: {error}"
            console.step("failed", failure)
            return _Done(overrides, failure=failure)
        return _Done(overrides, outcome.headline, data=outcome.data)


def _outcome(command: str, group: str, jobs: list[_Done]) -> Outcome:
    failed = [job for job in jobs if job.failure]
    rows = [(" ".join(job.overrides), job.failure.splitlines()[0] if job.failure else job.headline) for job in jobs]
    return Outcome(
        headline=f"{command}: {len(jobs) - len(failed)} of {len(jobs)} jobs done",
        data={
            "run_id": group,
            "jobs": [{"overrides": job.overrides, "failure": job.failure or None, **job.data} for job in jobs],
        },
        tables=(Table("", ("job", "result"), rows),),
        exit_code=1 if failed else 0,
    )
