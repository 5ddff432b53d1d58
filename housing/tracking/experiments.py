"""The experiment that runs belong to: found by name, or made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from housing.errors import TrackingError
from housing.tracking.store import database_path, translated

if TYPE_CHECKING:
    from mlflow import MlflowClient


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """The id of the experiment of that name, made when it is not there; raises TrackingError for a deleted one."""
    from mlflow.exceptions import MlflowException

    with translated(f"{uri}: cannot open experiment {name!r}"):
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            try:
                return str(client.create_experiment(name, _artifact_location(uri, name)))
            except MlflowException:
                # Another process may have made it since we looked.
                experiment = client.get_experiment_by_name(name)
                if experiment is None:
                    raise
    if experiment.lifecycle_stage == "deleted":
        raise deleted_experiment(uri, name, experiment.experiment_id)
    return str(experiment.experiment_id)


def deleted_experiment(uri: str, name: str, identity: str) -> TrackingError:
    """What to say of an experiment that was deleted."""
    return TrackingError(
        f"experiment {name!r} was deleted in {uri}; choose another name, or bring it back: "
        f"MLFLOW_TRACKING_URI={uri} mlflow experiments restore --experiment-id {identity}"
    )


def _artifact_location(uri: str, experiment: str) -> str | None:
    """`mlruns/<experiment>` beside an SQLite database, wherever the command is run; a server decides for itself."""
    if not uri.startswith("sqlite:"):
        return None
    folder = re.sub(r"[^\w.-]+", "-", experiment).strip(".-") or "experiment"
    return str(database_path(uri).parent / "mlruns" / folder)
