"""Records a look at an endpoint: metrics, and a report with figures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from housing.tracking import schema
from housing.tracking.run_record import RunRecord
from housing.workflow.monitoring_look import Look
from housing.workflow.monitoring_tables import error_table
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.monitoring.drift import ColumnDrift
    from housing.targets.base import EndpointStatus

REPORT = "report.html"
_NO_METRIC_NAME = re.compile(r"[^\w.\- /:]")


def begin(session: Session, status: EndpointStatus) -> str:
    """Open a run of kind `monitoring`; returns its id."""
    models = {name: variant.model for name, variant in status.deployment.variants.items()}
    return session.runs.start(
        RunRecord(
            f"monitor-{status.endpoint}",
            kind="monitoring",
            parent=session.invocation.parent_run_id,
            tags=session.recording.run_tags | {schema.ENDPOINT: status.endpoint},
            params={"endpoint": status.endpoint, "models": models},
            yaml=session.invocation.config_yaml,
        )
    )


def finish(session: Session, run_id: str, look: Look) -> bytes:
    """End the run, with the distances as metrics and a report with figures; returns the report's page."""
    files = report(session, look)
    session.runs.log_files(run_id, files)
    words = {f"{schema.DRIFT}.{one.variant}": one.word for one in look.monitored}
    session.runs.finish(run_id, metrics=dict(metrics(look)), tags=words)
    return files[REPORT]


def report(session: Session, look: Look) -> dict[str, bytes]:
    """The files of the report by path."""
    from housing.reporting.monitoring import VariantDrift, monitoring_report
    from housing.reporting.page import Cell, Grid
    from housing.workflow.endpoint_report import about, lineage_of, served

    grids = [
        Grid(table.title, "", table.columns, [[Cell(str(cell)) for cell in row] for row in table.rows])
        for table in (look.traffic, *error_table(session, look.erred))
    ]
    variants = [VariantDrift(one.variant, one.model, one.drift, one.levels) for one in look.monitored]
    words = {one.variant: one.word for one in look.monitored}
    return monitoring_report(
        look.endpoint,
        lead=[*about(look.status), *(f"{one.variant} ({one.model}): {one.word}." for one in look.monitored)],
        warnings=look.lines,
        variants=variants,
        tables=[served(session, look.status, words), *grids],
        further=[lineage_of(session, look.status)],
    )


def metrics(look: Look) -> Iterator[tuple[str, float]]:
    """Metrics named `<variant>/<what>`, which MLflow shows in a section for each variant."""
    status, shared, erred = look.status, look.shared, look.erred
    for one in look.monitored:
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
        if (p99 := status.p99_ms.get(name)) is not None:
            yield f"{name}/p99_ms", p99
        if name in status.server_errors:
            yield f"{name}/server_errors", status.server_errors[name]
        if one.coverage is not None:
            yield f"{name}/interval_coverage", one.coverage.whole.share
        if one.drift is not None:
            yield f"{name}/drifted_columns", len(one.drift.drifted)
            yield f"{name}/largest_psi", max(column.psi for column in one.drift.columns)
            for column in one.drift.columns:
                yield _NO_METRIC_NAME.sub("_", f"{name}/psi/{column.column}"), column.psi
        if erred and (found := erred.errors.get(name)):
            yield f"{name}/{erred.metric}", found.value
            yield f"{name}/{erred.metric}_low", found.low
            yield f"{name}/{erred.metric}_high", found.high


def data(look: Look, run_id: str) -> Mapping[str, Any]:
    """The findings as JSON values."""
    status, shared = look.status, look.shared
    variants = {}
    for one in look.monitored:
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
            "p99_ms": status.p99_ms.get(name),
            "server_errors": status.server_errors.get(name),
            "intervals": asdict(one.coverage) if one.coverage else None,
            "drifted": [column.column for column in one.drift.drifted] if one.drift else [],
            "columns": [_column(column) for column in one.drift.columns] if one.drift else [],
            "levels": {level: asdict(shares) for level, shares in one.levels.items()},
            "remarks": one.remarks,
        }
    return {
        "endpoint": look.endpoint,
        "run_id": run_id,
        "variants": variants,
        "since": datetime.fromtimestamp(math.floor(shared.since_s), UTC) if shared.since_s else None,
        "sample_ratio": {"p_value": shared.ratio.p_value, "is_off": shared.ratio.is_off(look.chance)},
        "findings": look.findings,
        "budgets": [asdict(fault) for fault in look.budgets],
        "errors": asdict(look.erred) if look.erred else None,
    }


def _column(column: ColumnDrift) -> dict[str, Any]:
    """A column's drift as JSON values, without what is only drawn."""
    return {name: value for name, value in asdict(column).items() if name not in ("shape", "is_numeric")}
