"""One look at an endpoint: its variants' drift, errors, budgets and shares, and the number of findings."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from housing.monitoring.ab_test import Difference, Errors
from housing.monitoring.budgets import BudgetFault, budget_faults
from housing.shell import setting
from housing.workflow.actual_labels import erred_by, read_labels
from housing.workflow.monitored_variant import ActualLabels, MonitoredVariant, monitor_variant
from housing.workflow.outcome import OutputTable
from housing.workflow.session import Session
from housing.workflow.shares import VariantTraffic, remarks, traffic, variant_traffic

if TYPE_CHECKING:
    from housing.targets.base import EndpointStatus


@dataclass(frozen=True)
class Look:
    """The findings of one look. `traffic` and `lines` are for display; `chance` is `monitoring.ratio_chance`."""

    at_s: float
    status: EndpointStatus
    monitored: Sequence[MonitoredVariant]
    erred: Errors | None
    shared: VariantTraffic
    budgets: Sequence[BudgetFault]
    traffic: OutputTable
    lines: Sequence[str]
    chance: float

    @property
    def endpoint(self) -> str:
        """Its name."""
        return self.status.endpoint

    @property
    def word(self) -> str:
        """The findings as one line."""
        return "; ".join(f"{one.variant}: {one.word}" for one in self.monitored)

    @property
    def findings(self) -> int:
        """The number of findings.

        Variants that drifted, clear differences, shares that are not as declared, exceeded budgets, and intervals whose
        coverage is off.
        """
        drifted = sum(1 for one in self.monitored if one.drift and one.drift.drifted)
        differences = sum(1 for one in self.erred.differences if one.is_clear) if self.erred else 0
        uncovered = sum(1 for one in self.monitored if one.coverage and one.coverage.is_off)
        return drifted + differences + self.shared.ratio.is_off(self.chance) + len(self.budgets) + uncovered

    @property
    def brief(self) -> str:
        """One line for a log."""
        parts = []
        for one in self.monitored:
            name = one.variant
            p99 = self.status.p99_ms.get(name)
            counts = f"{self.shared.requests.get(name, 0):,} requests, {self.shared.failures.get(name, 0):,} failed"
            parts.append(f"{name}: {one.word}, {counts}" + (f", p99 {p99:,.1f} ms" if p99 is not None else ""))
        parts += [fault.sentence for fault in self.budgets]
        return "; ".join(parts)


def look_at(session: Session, status: EndpointStatus, *, labels: Path | None, quiet: bool = False) -> Look:
    """Look at an endpoint with this status; `labels` is a file of actual labels. `quiet`: steps are not reported."""
    experiment = session.experiment
    actual_labels = read_labels(session, labels) if labels else None
    monitored = _monitor_all(session, status, actual_labels, quiet=quiet)
    erred = erred_by(session, monitored, actual_labels) if actual_labels else None
    shared, chance = variant_traffic(status), experiment.monitoring.ratio_chance
    budgets = budget_faults(
        experiment.monitoring,
        p99_ms=status.p99_ms,
        calls=status.invocations,
        server_errors=status.server_errors,
    )
    table = traffic(status, shared, confidence=experiment.gate.confidence)
    lines = [
        *(fault.sentence for fault in budgets),
        *remarks(shared, chance=chance),
        *_remarks(session, status, monitored),
        *_coverage(monitored),
        *_comparisons(session, erred),
    ]
    return Look(time.time(), status, monitored, erred, shared, budgets, table, lines, chance)


def _monitor_all(
    session: Session, status: EndpointStatus, actual_labels: ActualLabels | None, *, quiet: bool
) -> list[MonitoredVariant]:
    with session.reporter.working(f"reading what {status.endpoint} captured"):
        requests = session.host.captured(status.endpoint)
    # Captured requests have times in whole seconds.
    since_s = math.floor(status.test.since_s) if status.test else 0
    monitored = []
    for name, variant in status.deployment.variants.items():
        own = [
            one
            for one in requests
            if one.variant == name and one.model in (None, variant.model) and one.at_s >= since_s
        ]
        found = monitor_variant(session, name, variant.model, own, actual_labels=actual_labels)
        if not quiet:
            session.reporter.step(
                "drift", f"{name}: {found.word} (rows: {found.rows:,}, in captured requests: {found.requests:,})"
            )
        monitored.append(found)
    return monitored


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


def _coverage(monitored: Sequence[MonitoredVariant]) -> list[str]:
    return [f"{one.variant}: {told}" for one in monitored if one.coverage for told in one.coverage.sentences]
