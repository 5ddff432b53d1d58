"""Compares the rows of an endpoint with its models' training data, and its variants with each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from housing.config.schema import Experiment
from housing.errors import DeploymentError
from housing.targets.base import EndpointStatus
from housing.workflow.monitoring_look import Look, look_at
from housing.workflow.monitoring_record import begin, data, finish
from housing.workflow.monitoring_tables import error_table, tables
from housing.workflow.outcome import Invocation, Outcome, Reporter
from housing.workflow.pages import write_page
from housing.workflow.session import Session
from housing.workflow.watching import Watching, watch


def monitor(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    endpoint: str | None = None,
    labels: Path | None = None,
    watching: Watching | None = None,
    html: Path | None = None,
) -> Outcome:
    """Drift of every variant, and an A/B comparison; with actual labels also errors. Recorded as a run.

    `watching` repeats the look. `html` is a file for the page of a single look.
    """
    with Session(experiment, invocation, reporter) as session:
        name = endpoint or experiment.deployment.endpoint
        status = status_of(session, name)
        if watching is not None:
            look, run_id = watch(session, watching, status, labels=labels)
        else:
            look, run_id = look_at(session, status, labels=labels), begin(session, status)
            with reporter.working("recording"):
                page = finish(session, run_id, look)
            if html is not None:
                write_page(html, page)
        return _outcome(session, look, run_id, labels, html=html)


def status_of(session: Session, endpoint: str) -> EndpointStatus:
    """The endpoint's status. Raises DeploymentError if there is no such endpoint."""
    status = session.host.status(endpoint)
    if status is None:
        known = ", ".join(session.host.endpoints()) or "none"
        raise DeploymentError(
            f"there is no endpoint {endpoint!r}; endpoints here: {known}. `{session.invocation.next('deploy')}` makes "
            "the configured one"
        )
    return status


def _outcome(session: Session, look: Look, run_id: str, labels: Path | None, *, html: Path | None) -> Outcome:
    return Outcome(
        headline=f"{look.endpoint}: {look.word}",
        data=data(look, run_id),
        tables=(look.traffic, *error_table(session, look.erred), *tables(look.monitored)),
        lines=look.lines,
        recorded=[
            *session.records_at,
            f"run {run_id[:8]}, with report.html and figures",
            *([str(html)] if html is not None else []),
        ],
        next_commands=_next_commands(session.invocation, look.status, labels),
        findings=look.findings,
    )


def _next_commands(invocation: Invocation, status: EndpointStatus, labels: Path | None) -> Sequence[tuple[str, str]]:
    look = (invocation.next("ui"), "the report, with its figures")
    if labels or not status.deployment.capture:
        return (look,)
    command = invocation.next("monitor", status.endpoint, "--labels", "actual.csv")
    return (look, (command, "how far each variant erred"))
