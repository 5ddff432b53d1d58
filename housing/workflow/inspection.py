"""Look at what is served, and explain where it came from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from housing.config.schema import Experiment
from housing.errors import DeploymentError
from housing.workflow.outcome import Invocation, Outcome, Reporter, Table
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.targets.base import EndpointStatus
    from housing.tracking.lineage import Lineage


def status(
    experiment: Experiment, invocation: Invocation, reporter: Reporter, *, endpoint: str | None = None
) -> Outcome:
    """Variants, weights, instances, invocations and latency of one endpoint, or of all that live on the host."""
    with Session(experiment, invocation, reporter) as session:
        names = [endpoint] if endpoint else list(session.host.endpoints())
        found = [state for state in map(session.host.status, names) if state is not None]
        if endpoint and not found:
            raise DeploymentError(_unknown(session, endpoint))
        if not found:
            return Outcome(
                headline="no endpoint lives here",
                data={"endpoints": []},
                next_commands=(("housing deploy", "serve the registered model"),),
            )
        return Outcome(
            headline=f"{len(found)} endpoint" + ("" if len(found) == 1 else "s"),
            data={"endpoints": [_state(state) for state in found]},
            tables=tuple(_variants(state) for state in found),
            next_commands=(
                ("housing predict rows.csv", "ask it"),
                (f"housing lineage {found[0].endpoint}", "where its models come from"),
                ("housing destroy", "end it"),
            ),
        )


def lineage(experiment: Experiment, invocation: Invocation, reporter: Reporter, *, endpoint: str | None) -> Outcome:
    """From an endpoint back to data and code, link by link. The exit code is 1 when a link is broken or altered."""
    from housing.tracking.lineage import trace

    with Session(experiment, invocation, reporter) as session:
        name = endpoint or experiment.deployment.endpoint
        state = session.host.status(name)
        if state is None:
            raise DeploymentError(_unknown(session, name))
        return _explained(trace(name, state.deployment, state.models, session.registry))


def _explained(lineage: Lineage) -> Outcome:
    faults = lineage.faults
    tables = [
        Table(
            f"{variant.variant}, {variant.share:.0%} of the traffic",
            ("link", "value", "state", "why"),
            [[link.what, _short(link.value), link.state, link.why] for link in variant.links],
        )
        for variant in lineage.variants
    ]
    return Outcome(
        headline=f"{lineage.endpoint}: " + (f"{len(faults)} links are broken or altered" if faults else "traced whole"),
        data=asdict(lineage) | {"faults": faults},
        tables=tables,
        next_commands=() if faults else (("housing status", "who answers how often"),),
        exit_code=1 if faults else 0,
    )


def _short(value: str) -> str:
    """Digests by their first 12 characters, as the MLflow UI and git show them."""
    return value[:12] if len(value) in (40, 64) and " " not in value else value


def _unknown(session: Session, endpoint: str) -> str:
    known = ", ".join(session.host.endpoints()) or "none"
    return f"there is no endpoint {endpoint!r}; endpoints here: {known}. `housing deploy` makes the configured one"


def _variants(state: EndpointStatus) -> Table:
    shares = state.deployment.shares()
    rows = [
        [
            name,
            variant.model,
            f"{shares[name]:.0%}",
            state.instances.get(name),
            f"{variant.autoscaling.min_instances}-{variant.autoscaling.max_instances}"
            if variant.autoscaling
            else "off",
            state.invocations.get(name),
            state.failures.get(name),
            state.latency_ms.get(name),
        ]
        for name, variant in state.deployment.variants.items()
    ]
    columns = ("variant", "model", "share", "instances", "scaling", "invocations", "failures", "latency ms")
    return Table(f"{state.endpoint}: {state.state} at {state.url}", columns, rows)


def _state(state: EndpointStatus) -> dict[str, object]:
    shares = state.deployment.shares()
    return {
        "endpoint": state.endpoint,
        "state": state.state,
        "url": state.url,
        "variants": {
            name: {
                "model": variant.model,
                "weight": variant.weight,
                "share": shares[name],
                "instances": state.instances.get(name),
                "invocations": state.invocations.get(name),
                "failures": state.failures.get(name),
                "latency_ms": state.latency_ms.get(name),
            }
            for name, variant in state.deployment.variants.items()
        },
    }
