"""Start, look at and stop the SageMaker of this machine by hand; `target=rehearsal` does so by itself."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, replace

from housing.config.schema import Experiment
from housing.rehearsal.credentials import Credentials
from housing.rehearsal.kinds import ACCOUNT
from housing.rehearsal.process import ROLE_NAME, Address, State, credentials_of, ensure, look, stop
from housing.workflow.outcome import Invocation, Outcome, Reporter, Table


def rehearsal(
    experiment: Experiment, invocation: Invocation, _reporter: Reporter, *, action: str, port: int | None
) -> Outcome:
    """`start`, `status` or `stop` the rehearsal of the experiment's folder."""
    settings = experiment.rehearsal
    if action == "start":
        if port is not None:
            settings = replace(settings, port=port)
        address = ensure(settings, stays=True)
        return _started(address, credentials_of(settings.folder), invocation)
    if action == "stop":
        stopped = stop(settings.folder)
        headline = "the rehearsal has ended; its state stays" if stopped else "no rehearsal runs here"
        return Outcome(headline, {"stopped": stopped, "folder": settings.folder})
    state = look(settings.folder)
    if state is None:
        data = {"running": False, "folder": settings.folder}
        start = (invocation.next("rehearsal", "start"), "one that stays until it is stopped")
        return Outcome("no rehearsal runs here", data, next_commands=(start,))
    return _shown(state, invocation)


def _next(invocation: Invocation) -> tuple[tuple[str, str], ...]:
    return (
        ("aws sagemaker list-training-jobs", "any client of AWS reaches it"),
        (invocation.next("rehearsal", "stop"), "end it; its state stays"),
    )


def _started(address: Address, credentials: Credentials, invocation: Invocation) -> Outcome:
    environment = _environment(address, credentials)
    exports = [f"export {key}={shlex.quote(value)}" for key, value in environment.items()]
    return Outcome(
        headline=f"a SageMaker answers at {address.url}",
        data={**asdict(address), "environment": environment},
        lines=exports,
        next_commands=((invocation.next("tune", "target=rehearsal"), "train there"), *_next(invocation)),
        raw="".join(f"{line}\n" for line in exports),
    )


def _environment(address: Address, credentials: Credentials) -> dict[str, str]:
    """What AWS's SDKs and its command line read, and a role to give to jobs and endpoints."""
    return {
        "AWS_ENDPOINT_URL": address.url,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_DEFAULT_REGION": address.region,
        "SAGEMAKER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}",
    }


def _shown(state: State, invocation: Invocation) -> Outcome:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(state.since))
    end = "until it is stopped" if state.stays else "until nobody needs it"
    work = [
        Table(title, ("name", "status"), sorted(entries.items()))
        for title, entries in (("jobs at work", state.jobs), ("endpoints", state.endpoints))
        if entries
    ]
    return Outcome(
        headline=f"a SageMaker answers at {state.address.url} since {since}, {end}",
        data={
            "running": True,
            **asdict(state.address),
            "since": state.since,
            "stays": state.stays,
            "jobs": state.jobs,
            "endpoints": state.endpoints,
        },
        tables=work,
        next_commands=_next(invocation),
    )
