"""`housing ui`: the record in a browser."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from housing.config.schema import Experiment
from housing.errors import TrackingError
from housing.training.metrics import direction
from housing.workflow.outcome import Invocation, Outcome, Reporter

if TYPE_CHECKING:
    from housing.tracking.reading import Record


def ui(
    experiment: Experiment,
    invocation: Invocation,
    reporter: Reporter,
    *,
    study: str | None = None,
    port: int | None = None,
) -> Outcome:
    """Serve the record until Ctrl-C. Raises TrackingError if there is none, or it is already on a server."""
    from housing.tracking.interface import serving
    from housing.tracking.reading import Record

    uri = experiment.tracking.uri
    if not uri.startswith("sqlite:"):
        raise TrackingError(f"tracking.uri = {uri}: that server shows its record itself; open it in a browser")
    with ExitStack() as until_ctrl_c:
        with reporter.working("starting MLflow"):
            shown, path = _view(Record.open(uri, experiment.name), experiment, study)
            interface = until_ctrl_c.enter_context(serving(uri, port=port))
        url = f"{interface.url}{path}"
        try:
            reporter.step("ui", f"{shown}: {url}")
            reporter.step("ui", "Ctrl-C ends it")
            interface.wait()
        except KeyboardInterrupt:
            return Outcome(headline="ui ended; the record stays", data={"url": url, "shown": shown})
    raise TrackingError(f"MLflow's server at {interface.url} ended by itself; start it again: {invocation.next('ui')}")


def _view(record: Record, experiment: Experiment, study: str | None) -> tuple[str, str]:
    """A description of the page to open, and its path in MLflow's UI."""
    from housing.tracking.interface import children_path, experiment_path

    latest = record.own.latest_study() if record.own else None
    parent = record.get(study) if study else latest
    if parent is not None:
        objective = experiment.study.objectives[0]
        return f"the runs of {parent.name}, best first", children_path(
            parent, objective, direction(objective, experiment.algorithm.directions)
        )
    if record.own is None:
        return "all experiments", experiment_path(None)
    return f"experiment {experiment.name}", experiment_path(record.own.experiment_id)
