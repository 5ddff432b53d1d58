"""What an endpoint saw, against what its models were trained on; and how its variants compare."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.config.schema import Experiment
from housing.errors import DataError, DeploymentError
from housing.monitoring.ab_test import Difference, Errors, Interval, errors, failure_share
from housing.shell import setting
from housing.tracking import schema
from housing.workflow.outcome import Invocation, Outcome, Reporter, Table
from housing.workflow.session import Session
from housing.workflow.watching import Labelled, Watched, watch

if TYPE_CHECKING:
    from housing.monitoring.drift import ColumnDrift
    from housing.targets.base import EndpointStatus


_SHOWN_COLUMNS = 8
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
        labelled = _labelled(session, labels) if labels else None
        watched = _watch_all(session, status, labelled)
        erred = _erred(session, watched, labelled) if labelled else None
        traffic = _traffic(status, confidence=experiment.gate.confidence)
        lines = [*_remarks(session, status, watched), *_comparisons(session, erred)]
        run_id = _record(session, status, watched, erred, traffic=traffic, lines=lines)
        return Outcome(
            headline=f"{name}: " + "; ".join(f"{one.variant}: {one.word}" for one in watched),
            data=_data(name, run_id, watched, erred, status),
            tables=(traffic, *_error_table(session, erred), *_drift_tables(watched)),
            lines=lines,
            recorded=[*session.records_at, f"run {run_id[:8]}, with report.html and figures"],
            next_commands=_next_commands(invocation, status, labels),
        )


def _watch_all(session: Session, status: EndpointStatus, labelled: Labelled | None) -> list[Watched]:
    with session.reporter.working(f"reading what {status.endpoint} captured"):
        requests = session.host.captured(status.endpoint)
    watched = []
    for name, variant in status.deployment.variants.items():
        own = [one for one in requests if one.variant == name and one.model in (None, variant.model)]
        found = watch(session, name, variant.model, own, labelled=labelled)
        session.reporter.step("drift", f"{name}: {found.rows:,} rows; {found.word}")
        watched.append(found)
    return watched


def _labelled(session: Session, file: Path) -> Labelled:
    """The actual label of each row that a file names. Raises DataError."""
    from housing.data.cells import number
    from housing.data.payload import header_of, rows_from_csv
    from housing.data.rows import csv_pieces
    from housing.monitoring.seen import id_column

    dataset = session.experiment.dataset
    (text,) = csv_pieces(str(file), separator=dataset.separator, rows_a_piece=2**31, columns=dataset.columns)
    header = header_of(text)
    named_by = id_column(dataset, header)
    if named_by is None:
        known = ", ".join(name for name, column in dataset.columns.items() if column.kind == "identifier") or "none"
        raise DataError(f"{file}: has no column that names its rows; identifiers of {dataset.name}: {known}")
    if dataset.label not in header:
        raise DataError(f"{file}: has no column {dataset.label}, the label")
    columns = rows_from_csv(text, header)
    actual: dict[str, float] = {}
    for row, (name, cell) in enumerate(zip(columns[named_by], columns[dataset.label], strict=True), 1):
        if name in dataset.missing_texts or cell in dataset.missing_texts:
            continue
        try:
            actual[name] = number(cell)
        except ValueError:
            raise DataError(f"{file}: {dataset.label} of row {row} is no number: {cell!r}") from None
    return Labelled(named_by, actual, columns)


def _erred(session: Session, watched: Sequence[Watched], labelled: Labelled) -> Errors:
    """Raises DataError where nobody has answered any of the rows."""
    experiment = session.experiment
    answers = {one.variant: one.answers for one in watched}
    erred = errors(answers, labelled.actual, experiment.gate, seed=experiment.seed)
    if not any(erred.rows.values()):
        raise DataError(
            f"--labels: none of its rows was captured; callers must send {labelled.id_column} with their rows, or, "
            "where they send them encoded, the file must hold the raw columns too"
        )
    return erred


# --- for people -----------------------------------------------------------------------------------------------------


def _traffic(status: EndpointStatus, *, confidence: float) -> Table:
    shares = status.deployment.shares()
    rows = []
    for name, variant in status.deployment.variants.items():
        asked, failed = status.invocations.get(name, 0), status.failures.get(name, 0)
        found = failure_share(failed, asked, confidence=confidence)
        between = f"{found.low:.2%} to {found.high:.2%}" if found else "-"
        latency = status.latency_ms.get(name)
        share = f"{shares[name]:.0%}" if name in shares else "shadow"
        rows.append([name, variant.model, share, asked, failed, between, round(latency, 1) if latency else "-"])
    columns = ("variant", "model", "share", "asked", "failed", f"{confidence:.0%} interval", "latency ms")
    return Table(f"{status.endpoint}, traffic", columns, rows, spare=("model",))


def _error_table(session: Session, erred: Errors | None) -> Iterator[Table]:
    if erred is None:
        return
    rows = [
        [name, count, *(_interval(session, erred.errors.get(name)) or ("too few labelled rows", "-"))]
        for name, count in erred.rows.items()
    ]
    interval = f"{session.experiment.gate.confidence:.0%} interval"
    yield Table("labelled rows", ("variant", "rows", erred.metric, interval), rows)


def _drift_tables(watched: Sequence[Watched]) -> Iterator[Table]:
    for one in watched:
        if one.drift is None:
            continue
        shown = [_column(column) for column in one.drift.columns[:_SHOWN_COLUMNS]]
        left = len(one.drift.columns) - len(shown)
        rest = f"; {left} columns are nearer" if left else ""
        title = f"{one.variant}: {one.drift.seen_rows:,} rows against {one.drift.trained_rows:,} of training{rest}"
        columns = ("column", "distance", "by chance", "missing", "out of range", "unseen", "drifted")
        yield Table(title, columns, shown, spare=("by chance",))


def _column(column: ColumnDrift) -> list[Any]:
    missing = f"{column.missing.trained:.1%} -> {column.missing.seen:.1%}"
    shares = (f"{column.out_of_range:.1%}", f"{column.unseen:.1%}")
    return [column.column, round(column.psi, 3), round(column.by_chance, 3), missing, *shares, ", ".join(column.faults)]


def _remarks(session: Session, status: EndpointStatus, watched: Sequence[Watched]) -> list[str]:
    remarks = [f"{one.variant}: {remark}" for one in watched for remark in one.remarks]
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
    watched: Sequence[Watched],
    erred: Errors | None,
    *,
    traffic: Table,
    lines: Sequence[str],
) -> str:
    """A run of kind `monitoring`: the distances as metrics, a report with figures; returns its id."""
    from housing.reporting.monitoring import Variant, monitoring_report
    from housing.reporting.page import Cell, Grid

    with session.reporter.working("recording"):
        run_id = session.runs.start(
            f"monitor-{status.endpoint}",
            kind="monitoring",
            parent=session.invocation.parent_run_id,
            tags=session.recording.run_tags | {schema.ENDPOINT: status.endpoint},
            params={"endpoint": status.endpoint, "models": {one.variant: one.model for one in watched}},
            yaml=session.invocation.config_yaml,
        )
        grids = [
            Grid(table.title, "", table.columns, [[Cell(str(cell)) for cell in row] for row in table.rows])
            for table in (traffic, *_error_table(session, erred))
        ]
        variants = [Variant(one.variant, one.model, one.drift) for one in watched]
        lead = [f"{one.variant} ({one.model}): {one.word}." for one in watched]
        session.runs.log_files(
            run_id, monitoring_report(status.endpoint, lead=lead, warnings=lines, variants=variants, tables=grids)
        )
        words = {f"{schema.DRIFT}.{one.variant}": one.word for one in watched}
        session.runs.finish(run_id, metrics=dict(_metrics(status, watched, erred)), tags=words)
    return run_id


def _metrics(status: EndpointStatus, watched: Sequence[Watched], erred: Errors | None) -> Iterator[tuple[str, float]]:
    """`<variant>/<what>`, which MLflow shows in a section for each variant."""
    for one in watched:
        name = one.variant
        yield f"{name}/captured_rows", one.rows
        yield f"{name}/invocations", status.invocations.get(name, 0)
        yield f"{name}/failures", status.failures.get(name, 0)
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
    endpoint: str, run_id: str, watched: Sequence[Watched], erred: Errors | None, status: EndpointStatus
) -> Mapping[str, Any]:
    variants = {}
    for one in watched:
        name = one.variant
        variants[name] = {
            "model": one.model,
            "word": one.word,
            "captured_requests": one.requests,
            "captured_rows": one.rows,
            "invocations": status.invocations.get(name),
            "failures": status.failures.get(name),
            "latency_ms": status.latency_ms.get(name),
            "drifted": [column.column for column in one.drift.drifted] if one.drift else [],
            "columns": [asdict(column) for column in one.drift.columns] if one.drift else [],
            "remarks": one.remarks,
        }
    return {
        "endpoint": endpoint,
        "run_id": run_id,
        "variants": variants,
        "errors": asdict(erred) if erred else None,
    }
