"""Looks at an endpoint repeatedly: one line per look, a page that refreshes, one run for all looks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from housing import files
from housing.errors import DeploymentError
from housing.workflow.monitoring_look import Look, look_at
from housing.workflow.monitoring_record import REPORT, begin, finish, metrics, report

if TYPE_CHECKING:
    from housing.targets.base import EndpointStatus
    from housing.workflow.session import Session

_CHARSET = '<meta charset="utf-8">'


@dataclass(frozen=True)
class Watching:
    """A look every `every_s` seconds: for `for_s` seconds (None: until Ctrl-C), or until there is a finding.

    A look that should have begun while another took its time is left out, not made up for.
    `page` is a file that is rewritten at each look, and reloads itself in a browser.
    """

    every_s: float
    for_s: float | None = None
    ends_at_finding: bool = False
    page: Path | None = None


def watch(session: Session, watching: Watching, status: EndpointStatus, *, labels: Path | None) -> tuple[Look, str]:
    """Returns the last look, and the id of the run, whose metrics have a value for each look.

    Ctrl-C ends the run with the looks so far, and is raised again.
    """
    run_id, began, number = begin(session, status), time.monotonic(), 0
    look = None
    try:
        while True:
            look = look_at(session, status, labels=labels, quiet=True)
            session.reporter.step(time.strftime("%H:%M:%S", time.localtime(look.at_s)), look.brief)
            session.runs.log_rounds(run_id, [(number, dict(metrics(look)), int(look.at_s * 1000))])
            _write(session, watching, look)
            number += 1
            next_at = began + next_look(time.monotonic() - began, watching.every_s)
            is_over = watching.for_s is not None and next_at > began + watching.for_s
            if is_over or (watching.ends_at_finding and look.findings):
                return look, run_id
            time.sleep(max(0.0, next_at - time.monotonic()))
            status = _status(session, status)
    finally:
        if look is not None:
            finish(session, run_id, look)
        else:
            session.runs.finish(run_id, "FAILED")


def next_look(passed_s: float, every_s: float) -> float:
    """When the next look begins, in seconds since the first began."""
    return every_s * (1 + passed_s // every_s)


def _status(session: Session, before: EndpointStatus) -> EndpointStatus:
    found = session.host.status(before.endpoint)
    if found is None:
        raise DeploymentError(f"endpoint {before.endpoint} is gone; it was there at the look before")
    return found


def _write(session: Session, watching: Watching, look: Look) -> None:
    if watching.page is None:
        return
    refresh = f'{_CHARSET}<meta http-equiv="refresh" content="{max(1, round(watching.every_s))}">'
    page = report(session, look)[REPORT].decode().replace(_CHARSET, refresh, 1)
    files.write(watching.page, page.encode())
