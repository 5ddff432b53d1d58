"""Starts, queries and stops the rehearsal by hand; `target=rehearsal` starts it automatically."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime

from housing.config.schema import Experiment
from housing.targets.rehearsal.beginning import Address, State, look, start, stop
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter


def rehearsal(
    experiment: Experiment, invocation: Invocation, _reporter: Reporter, *, action: str, port: int | None
) -> Outcome:
    """`start`, `status` or `stop` the rehearsal of the experiment's folder."""
    settings = experiment.rehearsal
    if action == "start":
        if port is not None:
            settings = replace(settings, port=port)
        address, environment = start(settings)
        return _started(address, environment, invocation)
    if action == "stop":
        stopped = stop(settings)
        headline = "the rehearsal has ended; its state stays" if stopped else "no rehearsal is running here"
        return Outcome(headline, {"stopped": stopped, "folder": settings.folder})
    state = look(settings)
    if state is None:
        data = {"running": False, "folder": settings.folder}
        begin = (invocation.next("rehearsal", "start"), "one that stays until it is stopped")
        return Outcome("no rehearsal is running here", data, next_commands=(begin,))
    return _shown(state, invocation)


def _next(invocation: Invocation) -> tuple[tuple[str, str], ...]:
    return (
        ("aws sagemaker list-training-jobs", "any client of AWS reaches it"),
        (invocation.next("rehearsal", "stop"), "end it; its state stays"),
    )


def _started(address: Address, environment: dict[str, str], invocation: Invocation) -> Outcome:
    exports = [f"export {key}={shlex.quote(value)}" for key, value in environment.items()]
    return Outcome(
        headline=f"a SageMaker answers at {address.url}",
        data={**asdict(address), "environment": environment},
        lines=exports,
        next_commands=((invocation.next("tune", "target=rehearsal"), "train there"), *_next(invocation)),
        raw="".join(f"{line}\n" for line in exports),
        reveals=True,
    )


def _shown(state: State, invocation: Invocation) -> Outcome:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state.since))
    end = "until it is stopped" if state.stays else "until it is no longer needed"
    work = [
        OutputTable(title, ("name", "status"), sorted(entries.items()))
        for title, entries in (("jobs at work", state.jobs), ("endpoints", state.endpoints))
        if entries
    ]
    return Outcome(
        headline=f"a SageMaker answers at {state.address.url} since {since}, {end}",
        data={
            "running": True,
            **asdict(state.address),
            "since": datetime.fromtimestamp(state.since, UTC),
            "stays": state.stays,
            "jobs": state.jobs,
            "endpoints": state.endpoints,
        },
        tables=work,
        next_commands=_next(invocation),
    )
