"""Figures of the same configuration on several targets: each run keeps its own for the tables of later ones."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.errors import TrackingError
from housing.tracking import schema
from housing.workflow.search_definition import search_definition
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.workflow.job_run import OpenRun

_FILE = "figures.json"


def keep_figures(session: Session, run: OpenRun, figures: Mapping[str, float]) -> None:
    """Store the figures of `housing run` with its run, by a digest of everything except the targets."""
    run.tags.update({schema.SAME: _digest(session), schema.TARGET: session.experiment.runner.name})
    session.runs.log_files(run.run_id, {_FILE: json.dumps(dict(figures), indent=2).encode()})


def figures_on_other_targets(session: Session) -> dict[str, Mapping[str, float]]:
    """By target, the figures of the latest finished run with the same configuration on each other target."""
    found: dict[str, Mapping[str, float]] = {}
    for run in session.runs.finished_with({schema.SAME: _digest(session)}):
        place = run.tags.get(schema.TARGET, "")
        if place in found or place == session.experiment.runner.name:
            continue
        try:
            found[place] = json.loads(session.runs.read_file(run.id, _FILE))
        except (TrackingError, ValueError):
            continue  # its files were deleted
    return found


def _digest(session: Session) -> str:
    return hashlib.sha256(json.dumps(search_definition(session, {"": session}), sort_keys=True).encode()).hexdigest()
