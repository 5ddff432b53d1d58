"""The findings of a look at an endpoint as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from housing.monitoring.ab_test import Errors, Interval
from housing.workflow.monitored_variant import MonitoredVariant
from housing.workflow.outcome import OutputTable
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.monitoring.drift import ColumnDrift

_SHOWN_COLUMNS = 8
_SHOWN_LEVELS = 10


def error_table(session: Session, erred: Errors | None) -> Iterator[OutputTable]:
    if erred is None:
        return
    rows = [
        [name, count, *(_interval(session, erred.errors.get(name)) or ("too few labelled rows", "-"))]
        for name, count in erred.rows.items()
    ]
    interval = f"{session.experiment.gate.confidence:.0%} interval"
    yield OutputTable("labelled rows", ("variant", "rows", erred.metric, interval), rows)


def tables(monitored: Sequence[MonitoredVariant]) -> Iterator[OutputTable]:
    for one in monitored:
        if one.drift is None:
            continue
        shown = [_column(column) for column in one.drift.columns[:_SHOWN_COLUMNS]]
        left = len(one.drift.columns) - len(shown)
        rest = f"; {left:,} columns at smaller distances are left out" if left else ""
        title = f"{one.variant}: {one.drift.seen_rows:,} rows against {one.drift.trained_rows:,} of training{rest}"
        columns = ("column", "distance", "by chance", "missing", "out of range", "unseen", "drifted")
        yield OutputTable(title, columns, shown, spare=("by chance",))
        if one.levels:
            yield _level_table(one)


def _level_table(one: MonitoredVariant) -> OutputTable:
    """The most frequently predicted levels, for the training rows or at the endpoint."""
    most = sorted(one.levels.items(), key=lambda item: -max(item[1].trained, item[1].seen))[:_SHOWN_LEVELS]
    left = len(one.levels) - len(most)
    rest = f"; {left:,} rarer levels are left out" if left else ""
    rows = [[level, f"{shares.trained:.1%}", f"{shares.seen:.1%}"] for level, shares in most]
    return OutputTable(f"{one.variant}: predicted levels{rest}", ("level", "of training's rows", "seen"), rows)


def _column(column: ColumnDrift) -> list[Any]:
    missing = f"{column.missing.trained:.1%} -> {column.missing.seen:.1%}"
    shares = (f"{column.out_of_range:.1%}", f"{column.unseen:.1%}")
    return [column.column, round(column.psi, 3), round(column.by_chance, 3), missing, *shares, ", ".join(column.faults)]


def _interval(session: Session, found: Interval | None) -> tuple[str, str] | None:
    if found is None:
        return None
    return session.amount(found.value), f"{session.amount(found.low)} to {session.amount(found.high)}"
