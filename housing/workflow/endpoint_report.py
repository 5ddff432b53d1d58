"""What an endpoint serves, for its page: variants, versions, weights, traffic, budgets, lineage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.errors import HousingError
from housing.reporting.page import Cell, Grid, Page
from housing.reporting.scales import readable
from housing.tracking import schema
from housing.workflow.session import Session
from housing.workflow.shares import moment, variant_traffic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from housing.monitoring.spec import Monitoring
    from housing.targets.base import EndpointStatus
    from housing.tracking.reader import Run, Version

_NOT_KNOWN = "-"


def endpoint_page(session: Session, states: Sequence[EndpointStatus], *, warnings: Sequence[str] = ()) -> str:
    """The current state of endpoints as one HTML page; the rows that they answered are left to monitoring."""
    parts: list[Grid] = []
    for state in states:
        parts += [served(session, state), lineage_of(session, state)]
    names = ", ".join(state.endpoint for state in states)
    lead = [sentence for state in states for sentence in about(state)]
    return Page(f"Endpoint{'' if len(states) == 1 else 's'} {names}", lead, parts, warnings).html()


def about(state: EndpointStatus) -> Iterator[str]:
    """Where it answers, and since when it serves its current models."""
    since = f", these variants, models and weights since {moment(state.test.since_s)}" if state.test else ""
    yield f"{state.endpoint} is {state.state} at {state.url}{since}."
    capture = state.deployment.capture
    yield f"It keeps {capture.percent} % of its requests." if capture else "It keeps no requests for monitoring."


def served(session: Session, state: EndpointStatus, drift: Mapping[str, str] | None = None) -> Grid:
    """A column for each variant; `drift` has monitoring's findings about each."""
    columns = [_variant(session, state, name, (drift or {}).get(name)) for name in state.deployment.variants]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [[Cell(name), *(column.get(name, Cell(_NOT_KNOWN)) for column in columns)] for name in names]
    about = "Requests are those to the present variants; the budgets are monitoring.p99_ms and .server_error_share."
    return Grid(f"What {state.endpoint} serves", about, ("", *state.deployment.variants), rows)


def lineage_of(session: Session, state: EndpointStatus) -> Grid:
    """Every link from the variants back to data and code; unfolded if one is broken."""
    from housing.tracking.lineage import trace

    found = trace(state.endpoint, state.deployment, state.models, session.versions)
    rows = []
    for variant in found.variants:
        rows.append([Cell(variant.variant, heading=True), *[Cell("")] * 3])
        rows += [[Cell(one.what), Cell(one.value), Cell(one.state), Cell(one.why)] for one in variant.links]
    faults = len(found.faults)
    about = f"{faults} links are broken or altered." if faults else "Every link is as it was recorded, or is marked."
    title = f"Where what {state.endpoint} serves comes from"
    return Grid(title, about, ("link", "value", "state", "why"), rows, folded=not faults)


def _variant(session: Session, state: EndpointStatus, name: str, drift: str | None) -> dict[str, Cell]:
    variant, traffic = state.deployment.variants[name], variant_traffic(state)
    version, run = _recorded(session, variant.model)
    share = state.deployment.shares().get(name, 0.0)
    cells = {
        "model": Cell(f"{variant.model}{_aliases(version)}"),
        "how good it is": Cell(_headline(session, run)),
        "gate": Cell(run.tags.get(schema.GATE, _NOT_KNOWN) if run else _NOT_KNOWN),
        "fitted": Cell(moment(run.ended_at_ms / 1000) if run and run.ended_at_ms else _NOT_KNOWN),
        "run": Cell(f"{run.name} ({run.id[:8]})" if run else _NOT_KNOWN),
        "weight": Cell(f"{variant.weight:g}"),
        "share of the requests": Cell("a copy of them (shadow)" if variant.shadow else f"{share:.0%}"),
        "share seen": Cell(f"{traffic.ratio.seen[name]:.1%}" if name in traffic.ratio.seen else _NOT_KNOWN),
        "instances": Cell("serverless" if variant.serverless else readable(state.instances.get(name))),
        "requests": Cell(readable(traffic.requests.get(name))),
        "failed": Cell(readable(traffic.failures.get(name))),
        "typical latency, ms": Cell(readable(state.latency_ms.get(name))),
        "p99, ms": Cell(_p99(session.experiment.monitoring, state.p99_ms.get(name))),
        "server errors": Cell(_errors(session.experiment.monitoring, state, name)),
    }
    if name in state.slow:
        cells["slow"] = Cell(state.slow[name])
    if drift is not None:
        cells["drift"] = Cell(drift)
    return cells


def _recorded(session: Session, model: str) -> tuple[Version | None, Run | None]:
    try:
        version = session.versions.resolve(model)
        return version, session.versions.reader.run(version.run_id)
    except HousingError:
        return None, None  # the lineage says why


def _aliases(version: Version | None) -> str:
    return f" (@{', @'.join(version.aliases)})" if version and version.aliases else ""


def _headline(session: Session, run: Run | None) -> str:
    """The headline of its promotion; for a run of an earlier version of housing only its metric."""
    from housing.workflow.headline import judged_by

    if run is None:
        return _NOT_KNOWN
    if schema.HEADLINE in run.tags:
        return run.tags[schema.HEADLINE]
    name = f"test_{judged_by(session)}"
    value = run.metrics.get(name)
    return f"{name} {session.amount(value, name)}" if value is not None else _NOT_KNOWN


def _p99(settings: Monitoring, seen: float | None) -> str:
    if settings.p99_ms is None or seen is None:
        return readable(seen) + ("" if settings.p99_ms is not None else ", no budget")
    return f"{readable(seen)} of {settings.p99_ms:g} allowed{': TOO SLOW' if seen > settings.p99_ms else ''}"


def _errors(settings: Monitoring, state: EndpointStatus, name: str) -> str:
    errors, calls = state.server_errors.get(name), state.invocations.get(name, 0)
    if errors is None:
        return _NOT_KNOWN
    share = errors / calls if calls else 0.0
    limit = settings.server_error_share
    if limit is None:
        return f"{errors:,} ({share:.2%}), no budget"
    return f"{errors:,}: {share:.2%} of {limit:.2%} allowed"
