"""What an endpoint saw, against what its models were trained on; and how its variants compare."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import DeploymentError
from housing.monitoring.ab_test import Difference, Errors, Interval
from housing.shell import setting
from housing.tracking import schema
from housing.tracking.run_record import RunRecord
from housing.workflow.actual_labels import erred_by, read_labels
from housing.workflow.monitored_variant import ActualLabels, MonitoredVariant, monitor_variant
from housing.workflow.outcome import Invocation, Outcome, OutputTable, Reporter
from housing.workflow.session import Session
from housing.workflow.shares import VariantTraffic, moment, remarks, traffic, variant_traffic

if TYPE_CHECKING:
    from housing.monitoring.drift import ColumnDrift
    from housing.targets.base import EndpointStatus


_SHOWN_COLUMNS = 8
_SHOWN_LEVELS = 10
_NO_METRIC_NAME = re.compile(r"[^\w.\- /:]")


def monitor(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    endpoint: str | None = None,
    labels: Path | None = None,
) -> Outcome:
    """Drift of every variant, and an A/B readout; with actual labels also how far each erred. Recorded as a run."""
    with Session(experiment, invocation, reporter) as session:
        name = endpoint or experiment.deployment.endpoint
        status = session.host.status(name)
        if status is None:
            known = ", ".join(session.host.endpoints()) or "none"
            raise DeploymentError(
                f"there is no endpoint {name!r}; endpoints here: {known}. `{invocation.next('deploy')}` makes the "
                "configured one"
            )
        actual_labels = read_labels(session, labels) if labels else None
        monitored = _monitor_all(session, status, actual_labels)
        erred = erred_by(session, monitored, actual_labels) if actual_labels else None
        shared = variant_traffic(status)
        table = traffic(status, shared, confidence=experiment.gate.confidence)
        chance = experiment.monitoring.ratio_chance
        lines = [*remarks(shared, chance=chance), *_remarks(session, status, monitored), *_comparisons(session, erred)]
        run_id = _record(session, status, monitored, erred, shared=shared, traffic=table, lines=lines)
        return Outcome(
            headline=f"{name}: " + "; ".join(f"{one.variant}: {one.word}" for one in monitored),
            data=_data(name, run_id, monitored, erred, status=status, shared=shared, chance=chance),
            tables=(table, *_error_table(session, erred), *_drift_tables(monitored)),
            lines=lines,
            recorded=[*session.records_at, f"run {run_id[:8]}, with report.html and figures"],
            next_commands=_next_commands(invocation, status, labels),
            findings=_findings(monitored, erred, shared, chance=chance),
        )


def _findings(
    monitored: Sequence[MonitoredVariant], erred: Errors | None, shared: VariantTraffic, *, chance: float
) -> int:
    """How much there is to look at: variants that drifted, clear differences, and shares that are not as declared."""
    drifted = sum(1 for one in monitored if one.drift and one.drift.drifted)
    differences = sum(1 for one in erred.differences if one.is_clear) if erred else 0
    return drifted + differences + shared.ratio.is_off(chance)


def _monitor_all(
    session: Session, status: EndpointStatus, actual_labels: ActualLabels | None
) -> list[MonitoredVariant]:
    with session.reporter.working(f"reading what {status.endpoint} captured"):
        requests = session.host.captured(status.endpoint)
    # Captured requests carry whole seconds.
    since_s = math.floor(status.test.since_s) if status.test else 0
    monitored = []
    for name, variant in status.deployment.variants.items():
        own = [
            one
            for one in requests
            if one.variant == name and one.model in (None, variant.model) and one.at_s >= since_s
        ]
        found = monitor_variant(session, name, variant.model, own, actual_labels=actual_labels)
        session.reporter.step(
            "drift", f"{name}: {found.word} (rows: {found.rows:,}, in captured requests: {found.requests:,})"
        )
        monitored.append(found)
    return monitored


# --- for people -----------------------------------------------------------------------------------------------------


def _error_table(session: Session, erred: Errors | None) -> Iterator[OutputTable]:
    if erred is None:
        return
    rows = [
        [name, count, *(_interval(session, erred.errors.get(name)) or ("too few labelled rows", "-"))]
        for name, count in erred.rows.items()
    ]
    interval = f"{session.experiment.gate.confidence:.0%} interval"
    yield OutputTable("labelled rows", ("variant", "rows", erred.metric, interval), rows)


def _drift_tables(monitored: Sequence[MonitoredVariant]) -> Iterator[OutputTable]:
    for one in monitored:
        if one.drift is None:
            continue
        shown = [_column(column) for column in one.drift.columns[:_SHOWN_COLUMNS]]
        left = len(one.drift.columns) - len(shown)
        rest = f"; {left} columns are nearer" if left else ""
        title = f"{one.variant}: {one.drift.seen_rows:,} rows against {one.drift.trained_rows:,} of training{rest}"
        columns = ("column", "distance", "by chance", "missing", "out of range", "unseen", "drifted")
        yield OutputTable(title, columns, shown, spare=("by chance",))
        if one.levels:
            yield _level_table(one)


def _level_table(one: MonitoredVariant) -> OutputTable:
    """The levels predicted most, at training or at the endpoint."""
    most = sorted(one.levels.items(), key=lambda item: -max(item[1].trained, item[1].seen))[:_SHOWN_LEVELS]
    left = len(one.levels) - len(most)
    rest = f"; {left} rarer levels are left out" if left else ""
    rows = [[level, f"{shares.trained:.1%}", f"{shares.seen:.1%}"] for level, shares in most]
    return OutputTable(f"{one.variant}: predicted levels{rest}", ("level", "of training's rows", "seen"), rows)


def _column(column: ColumnDrift) -> list[Any]:
    missing = f"{column.missing.trained:.1%} -> {column.missing.seen:.1%}"
    shares = (f"{column.out_of_range:.1%}", f"{column.unseen:.1%}")
    return [column.column, round(column.psi, 3), round(column.by_chance, 3), missing, *shares, ", ".join(column.faults)]


def _remarks(session: Session, status: EndpointStatus, monitored: Sequence[MonitoredVariant]) -> list[str]:
    remarks = [f"{one.variant}: {remark}" for one in monitored for remark in one.remarks]
    if not status.deployment.capture:
        endpoint = status.endpoint
        is_configured = endpoint == session.experiment.deployment.endpoint
        changed = () if is_configured else (setting("deployment.endpoint", endpoint),)
        command = session.invocation.next("deploy", *changed, "deployment.capture.percent=100")
        remarks.append(f"{endpoint} captures nothing: {command}")
    return remarks


def _comparisons(session: Session, erred: Errors | None) -> list[str]:
    return [_sentence(session, erred.metric, one) for one in erred.differences] if erred else []


def _sentence(session: Session, metric: str, found: Difference) -> str:
    better = found.better_by
    side = "better" if better.value >= 0 else "worse"
    how = f"{found.rows:,} rows that both answered" if found.paired else f"{found.rows:,} rows, each answered by one"
    confidence = session.experiment.gate.confidence
    clear = "" if found.is_clear else "; no clear difference yet"
    return (
        f"{found.variant}: {metric} {session.amount(abs(better.value))} {side} than {found.first}; "
        f"{confidence:.0%} interval {session.amount(better.low)} to {session.amount(better.high)}, {how}{clear}"
    )


def _interval(session: Session, found: Interval | None) -> tuple[str, str] | None:
    if found is None:
        return None
    return session.amount(found.value), f"{session.amount(found.low)} to {session.amount(found.high)}"


def _next_commands(invocation: Invocation, status: EndpointStatus, labels: Path | None) -> Sequence[tuple[str, str]]:
    look = (invocation.next("ui"), "the report, with its figures")
    if labels or not status.deployment.capture:
        return (look,)
    command = invocation.next("monitor", status.endpoint, "--labels", "actual.csv")
    return (look, (command, "how far each variant erred"))


# --- for the record -------------------------------------------------------------------------------------------------


def _record(
    session: Session,
    status: EndpointStatus,
    monitored: Sequence[MonitoredVariant],
    erred: Errors | None,
    *,
    shared: VariantTraffic,
    traffic: OutputTable,
    lines: Sequence[str],
) -> str:
    """A run of kind `monitoring`: the distances as metrics, a report with figures; returns its id."""
    from housing.reporting.monitoring import VariantDrift, monitoring_report
    from housing.reporting.page import Cell, Grid

    with session.reporter.working("recording"):
        record = RunRecord(
            f"monitor-{status.endpoint}",
            kind="monitoring",
            parent=session.invocation.parent_run_id,
            tags=session.recording.run_tags | {schema.ENDPOINT: status.endpoint},
            params={"endpoint": status.endpoint, "models": {one.variant: one.model for one in monitored}},
            yaml=session.invocation.config_yaml,
        )
        run_id = session.runs.start(record)
        grids = [
            Grid(table.title, "", table.columns, [[Cell(str(cell)) for cell in row] for row in table.rows])
            for table in (traffic, *_error_table(session, erred))
        ]
        variants = [VariantDrift(one.variant, one.model, one.drift, one.levels) for one in monitored]
        lead = [f"{one.variant} ({one.model}): {one.word}." for one in monitored]
        session.runs.log_files(
            run_id, monitoring_report(status.endpoint, lead=lead, warnings=lines, variants=variants, tables=grids)
        )
        words = {f"{schema.DRIFT}.{one.variant}": one.word for one in monitored}
        session.runs.finish(run_id, metrics=dict(_metrics(status, monitored, erred, shared)), tags=words)
    return run_id


def _metrics(
    status: EndpointStatus, monitored: Sequence[MonitoredVariant], erred: Errors | None, shared: VariantTraffic
) -> Iterator[tuple[str, float]]:
    """`<variant>/<what>`, which MLflow shows in a section for each variant."""
    for one in monitored:
        name = one.variant
        yield f"{name}/captured_requests", one.requests
        yield f"{name}/captured_rows", one.rows
        yield f"{name}/requests", shared.requests.get(name, 0)
        yield f"{name}/failures", shared.failures.get(name, 0)
        if name in shared.ratio.seen:
            yield f"{name}/share_seen", shared.ratio.seen[name]
            yield f"{name}/share_declared", shared.ratio.declared[name]
        if (latency := status.latency_ms.get(name)) is not None:
            yield f"{name}/latency_ms", latency
        if one.drift is not None:
            yield f"{name}/drifted_columns", len(one.drift.drifted)
            yield f"{name}/largest_psi", max(column.psi for column in one.drift.columns)
            for column in one.drift.columns:
                yield _NO_METRIC_NAME.sub("_", f"{name}/psi/{column.column}"), column.psi
        if erred and (found := erred.errors.get(name)):
            yield f"{name}/{erred.metric}", found.value
            yield f"{name}/{erred.metric}_low", found.low
            yield f"{name}/{erred.metric}_high", found.high


def _data(
    endpoint: str,
    run_id: str,
    monitored: Sequence[MonitoredVariant],
    erred: Errors | None,
    *,
    status: EndpointStatus,
    shared: VariantTraffic,
    chance: float,
) -> Mapping[str, Any]:
    variants = {}
    for one in monitored:
        name = one.variant
        variants[name] = {
            "model": one.model,
            "word": one.word,
            "captured_requests": one.requests,
            "captured_rows": one.rows,
            "requests": shared.requests.get(name),
            "failures": shared.failures.get(name),
            "share_declared": shared.ratio.declared.get(name),
            "share_seen": shared.ratio.seen.get(name),
            "latency_ms": status.latency_ms.get(name),
            "drifted": [column.column for column in one.drift.drifted] if one.drift else [],
            "columns": [asdict(column) for column in one.drift.columns] if one.drift else [],
            "levels": {level: asdict(shares) for level, shares in one.levels.items()},
            "remarks": one.remarks,
        }
    return {
        "endpoint": endpoint,
        "run_id": run_id,
        "variants": variants,
        "since": moment(shared.since_s) if shared.since_s else None,
        "sample_ratio": {"p_value": shared.ratio.p_value, "is_off": shared.ratio.is_off(chance)},
        "findings": _findings(monitored, erred, shared, chance=chance),
        "errors": asdict(erred) if erred else None,
    }
