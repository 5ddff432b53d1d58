"""Endpoints: shows what a deployment would change, applies it, and deletes endpoints."""

from __future__ import annotations

from housing.config.schema import Experiment
from housing.deployment.changes import Changes, describe
from housing.deployment.plan import plan as plan_actions
from housing.deployment.plan import teardown
from housing.deployment.spec import Deployment
from housing.errors import DeploymentError
from housing.shell import setting
from housing.workflow.next_commands import own_rows
from housing.workflow.outcome import Invocation, Outcome, Reporter
from housing.workflow.session import Session

_MOST_NAMED = 3


def plan(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """What `deploy` would change, as a diff; changes nothing."""
    with Session(experiment, invocation, reporter) as session:
        session.host.check(experiment.deployment)
        wanted = session.versions.pin(experiment.deployment)
        current = session.host.current(wanted.endpoint)
        changes = describe(wanted, current)
        warnings = [*_warnings(wanted, invocation), *_of_another_configuration(wanted, current)]
        return Outcome(
            headline=f"{wanted.endpoint}: {changes.summary()}",
            data=_data(wanted.endpoint, changes) | {"warnings": warnings},
            lines=(*changes.lines, *([changes.how] if changes.how else []), *warnings),
            next_commands=(
                (invocation.next("deploy"), "make it so") if changes else (invocation.next("status"), "look at it"),
            ),
            pending_changes=changes.add + changes.change + changes.remove,
        )


def deploy(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Apply the wanted state; a second time, nothing changes."""
    with Session(experiment, invocation, reporter) as session:
        wanted, changes = apply_plan(session)
        status = session.host.status(wanted.endpoint)
        url = status.url if status else ""
        return Outcome(
            headline=f"{wanted.endpoint} is in service" + ("" if changes else ", nothing to change"),
            data=_data(wanted.endpoint, changes) | {"url": url, "warnings": _warnings(wanted, invocation)},
            lines=(*((*changes.lines, changes.summary()) if changes else ()), *_warnings(wanted, invocation)),
            recorded=(url,),
            next_commands=(
                (invocation.next("predict", own_rows(experiment)), "raw rows in, predictions out"),
                (invocation.next("status"), "variants, weights, instances, invocations"),
                (invocation.next("destroy"), "end the endpoint"),
            ),
        )


def destroy(experiment: Experiment, invocation: Invocation, reporter: Reporter) -> Outcome:
    """Delete the configured endpoint; the record and the registered models are kept."""
    with Session(experiment, invocation, reporter) as session:
        endpoint = experiment.deployment.endpoint
        if endpoint not in session.host.endpoints():
            return _nothing_to_end(session, endpoint)
        with session.host.hold(f"ending {endpoint}"), reporter.working(f"ending {endpoint}"):
            current = _readable(session, endpoint)
            changes = describe(None, current) if current else Changes((f"- endpoint {endpoint}",), remove=1)
            for action in teardown(endpoint, current):
                session.host.apply(action, {})
        return Outcome(
            headline=f"{endpoint} is gone; records and registered models stay",
            data=_data(endpoint, changes),
            lines=(*changes.lines, changes.summary()),
            next_commands=((invocation.next("deploy"), "bring it back"),),
        )


def _nothing_to_end(session: Session, endpoint: str) -> Outcome:
    """The outcome if it does not exist; names the existing endpoints, as another may be meant."""
    others, invocation = list(session.host.endpoints()), session.invocation
    commands = (invocation.next("destroy", setting("deployment.endpoint", other)) for other in others[:_MOST_NAMED])
    return Outcome(
        headline=f"{endpoint} does not exist; nothing to remove",
        data=_data(endpoint, Changes(())) | {"endpoints": others},
        lines=[f"endpoints here: {', '.join(others)}"] if others else [],
        next_commands=[(command, "end this one") for command in commands],
    )


def _readable(session: Session, endpoint: str) -> Deployment | None:
    """What is served, if that can be read; an endpoint that cannot be read can still be deleted."""
    try:
        return session.host.current(endpoint)
    except DeploymentError:
        return None


def apply_plan(session: Session) -> tuple[Deployment, Changes]:
    """Pin, plan, apply each action, and check the result. Raises DeploymentError if it is not as wanted."""
    host = session.host
    host.check(session.experiment.deployment)
    versions = session.versions
    wanted = versions.pin(session.experiment.deployment)
    models = {v.model: versions.download(versions.resolve(v.model)) for v in wanted.variants.values()}
    with host.hold(f"deploying {wanted.endpoint}"):
        current = host.current(wanted.endpoint)
        changes = describe(wanted, current)
        for action in plan_actions(wanted, current):
            with session.reporter.working(f"{type(action).__name__} {wanted.endpoint}"):
                host.apply(action, models)
        left = describe(wanted, host.current(wanted.endpoint))
    if left:
        raise DeploymentError(
            f"{wanted.endpoint} did not reach the wanted state; still to change:\n" + "\n".join(left.lines)
        )
    shares = ", ".join(f"{name} {share:.0%}" for name, share in wanted.shares().items())
    session.reporter.step("deploy", f"{wanted.endpoint}: {shares}" + ("" if changes else "; nothing to change"))
    return wanted, changes


def _warnings(wanted: Deployment, invocation: Invocation) -> list[str]:
    """Warnings about what is allowed but probably not intended."""
    return [
        f"warning: {' and '.join(names)} serve one model, {model}: nothing but their machines can be compared. For "
        f"another model: a new study, or candidate=<run id>, with `{invocation.next('promote', 'gate=challenger')}`"
        for model, names in wanted.shared_models().items()
    ]


def _of_another_configuration(wanted: Deployment, current: Deployment | None) -> list[str]:
    """Warnings about what would be removed: this command may lack options of the one that deployed it."""
    gone = [name for name in (current.variants if current is not None else ()) if name not in wanted.variants]
    if not gone:
        return []
    return [
        f"warning: {wanted.endpoint} was deployed from another configuration, which has {' and '.join(gone)} as well; "
        "where that is to stay, repeat its words, such as experiment=... or deployment=..."
    ]


def _data(endpoint: str, changes: Changes) -> dict[str, object]:
    counts = {"add": changes.add, "change": changes.change, "remove": changes.remove}
    return {"endpoint": endpoint, "changes": list(changes.lines), "how": changes.how, **counts}
