"""Opens the record before data are read or anything is trained, as unrecorded results would be lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from housing.errors import TrackingError

if TYPE_CHECKING:
    from housing.config.schema import Experiment
    from housing.tracking.runs import Runs
    from housing.workflow.outcome import Invocation, Reporter

SPOOL_FOLDER = Path(".housing") / "spool"
"""The folder of results that wait for the record, below the working folder."""


def open_record(experiment: Experiment, reporter: Reporter, *, inside: str | None) -> Runs:
    """The record; first writes what earlier commands could not write to it.

    The run `inside`, if any, determines the experiment. Raises TrackingError, ConfigError.
    """
    from housing.tracking.runs import Runs

    runs = Runs.open(experiment.tracking.uri, experiment.name, inside=inside)
    _hand_on_leftovers(runs, reporter)  # first, as some complete runs that would look abandoned
    runs.close_abandoned()
    return runs


def where_recorded(experiment: Experiment, invocation: Invocation) -> str:
    """Where the record can be viewed."""
    uri = experiment.tracking.uri
    look = uri
    if uri.startswith("sqlite:"):
        look = invocation.next("ui")
    elif uri.startswith("http"):
        from housing.tracking.interface import experiment_path

        look = uri.rstrip("/") + experiment_path(None)
    return f"MLflow experiment '{experiment.name}' in {uri}; look: {look}"


def _hand_on_leftovers(runs: Runs, reporter: Reporter) -> None:
    if not SPOOL_FOLDER.is_dir():
        return
    from housing.tracking.spool import hand_on_leftovers

    try:
        if brought := hand_on_leftovers(SPOOL_FOLDER, runs):
            results = "1 result" if brought == 1 else f"{brought} results"
            reporter.step("record", f"recorded now: {results} that waited in {SPOOL_FOLDER}")
    except TrackingError as error:
        reporter.step("record", f"results still wait in {SPOOL_FOLDER}: {error}")
