"""Shows what is served, and where it came from."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from housing.config.schema import Experiment
from housing.costs import Prices
from housing.errors import DeploymentError
from housing.shell import setting
from housing.workflow.next_commands import own_rows
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.session import Session

if TYPE_CHECKING:
    from pathlib import Path

    from housing.targets.base import EndpointStatus
    from housing.tracking.lineage import Lineage


_HOUR_S, _DAY_S = 3600, 24 * 3600


def status(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    endpoint: str | None = None,
    html: Path | None = None,
) -> Outcome:
    """Variants, weights, instances, invocations and latency of one endpoint, or of all on the host.

    `html` is a file for a page of them.
    """
    with Session(experiment, invocation, reporter) as session:
        names = [endpoint] if endpoint else list(session.host.endpoints())
        states = {name: session.host.status(name) for name in names}
        found = [state for state in states.values() if state is not None]
        if endpoint and not found:
            raise DeploymentError(_unknown(session, endpoint))
        remains = [name for name, state in states.items() if state is None]
        left = [
            f"of {name} only a part is there, left by a command that was killed: "
            f"`{invocation.next('deploy', setting('deployment.endpoint', name))}` completes it, "
            f"`{invocation.next('destroy', setting('deployment.endpoint', name))}` removes it"
            for name in remains
        ]
        if not found:
            return Outcome(
                headline="there is no endpoint here",
                data={"endpoints": [], "remains": remains},
                lines=left,
                next_commands=((invocation.next("deploy"), "serve the registered model"),),
            )
        remarks = [*(line for state in found for line in _remarks(state, experiment.prices, invocation)), *left]
        if html is not None:
            from housing.workflow.endpoint_report import endpoint_page
            from housing.workflow.pages import write_page

            write_page(html, endpoint_page(session, found, warnings=remarks).encode())
        return Outcome(
            headline=f"{len(found)} endpoint" + ("" if len(found) == 1 else "s"),
            data={"endpoints": [_state(state, experiment.prices) for state in found], "remains": remains},
            lines=remarks,
            recorded=(str(html),) if html is not None else (),
            tables=tuple(_variants(state) for state in found),
            next_commands=(
                (invocation.next("predict", own_rows(experiment), *_named(experiment, found[0].endpoint)), "ask it"),
                (invocation.next("lineage", found[0].endpoint), "where its models come from"),
                (invocation.next("destroy", *_named(experiment, found[0].endpoint)), "end it"),
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
        return _explained(trace(name, state.deployment, state.models, session.versions), invocation)


def _named(experiment: Experiment, endpoint: str) -> tuple[str, ...]:
    """The words that a next command needs for an endpoint other than the configured one."""
    return () if endpoint == experiment.deployment.endpoint else (setting("deployment.endpoint", endpoint),)


def _explained(lineage: Lineage, invocation: Invocation) -> Outcome:
    faults = lineage.faults
    tables = [
        OutputTable(
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
        next_commands=() if faults else ((invocation.next("status"), "how often each variant answers"),),
        exit_code=1 if faults else 0,
    )


def _short(value: str) -> str:
    """Digests shortened to their first 12 characters, as in MLflow's UI and git."""
    return value[:12] if len(value) in (40, 64) and " " not in value else value


def _unknown(session: Session, endpoint: str) -> str:
    known = ", ".join(session.host.endpoints()) or "none"
    return (
        f"there is no endpoint {endpoint!r}; endpoints here: {known}. `{session.invocation.next('deploy')}` makes "
        "the configured one"
    )


def _variants(state: EndpointStatus) -> OutputTable:
    shares = state.deployment.shares()
    rows = [
        [
            name,
            variant.model,
            "shadow" if variant.shadow else f"{shares[name]:.0%}",
            "serverless" if variant.serverless else state.instances.get(name),
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
    return OutputTable(f"{state.endpoint}: {state.state} at {state.url}", columns, rows)


def _remarks(state: EndpointStatus, prices: Prices, invocation: Invocation) -> list[str]:
    """Remarks: why it is slow, what it costs, and whether it is used."""
    remarks = [f"{name} answers at its library's own speed: {reason}" for name, reason in state.slow.items()]
    if not state.is_billed:
        return remarks
    usd = _usd_per_hour(state, prices)
    if all(variant.serverless for variant in state.deployment.variants.values()):
        return [*remarks, f"{state.endpoint} is billed by the work it does, not by the hour"]
    cost = (
        f"{usd:,.3f} USD an hour (prices of {prices.date})" if usd is not None else "unknown; see prices.usd_per_hour"
    )
    remarks.append(f"{state.endpoint} costs {cost}")
    age_s = time.time() - (state.created_at_s or time.time())
    if state.invocations_last_day == 0 and age_s > _DAY_S:
        remarks.append(
            f"{state.endpoint} has not been called for a day, but it is billed: "
            + invocation.next("destroy", setting("deployment.endpoint", state.endpoint))
        )
    return remarks


def _usd_per_hour(state: EndpointStatus, prices: Prices) -> float | None:
    """The price of all current instances; None if one has no known price, or is billed by use."""
    each = [
        None if variant.serverless else prices.usd(variant.instance_type, state.instances.get(name, 0), _HOUR_S)
        for name, variant in state.deployment.variants.items()
    ]
    known = [usd for usd in each if usd is not None]
    return sum(known) if len(known) == len(each) else None


def _state(state: EndpointStatus, prices: Prices) -> dict[str, object]:
    shares = state.deployment.shares()
    return {
        "endpoint": state.endpoint,
        "state": state.state,
        "url": state.url,
        "usd_per_hour": _usd_per_hour(state, prices) if state.is_billed else None,
        "invocations_last_day": state.invocations_last_day,
        "variants": {
            name: {
                "model": variant.model,
                "weight": variant.weight,
                "share": shares.get(name, 0.0),
                "instances": state.instances.get(name),
                "invocations": state.invocations.get(name),
                "failures": state.failures.get(name),
                "latency_ms": state.latency_ms.get(name),
            }
            for name, variant in state.deployment.variants.items()
        },
    }
