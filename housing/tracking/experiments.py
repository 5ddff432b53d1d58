"""The experiments that runs belong to."""

from __future__ import annotations

import re

from housing.errors import TrackingError
from housing.tracking.places import database_path


def deleted_experiment(uri: str, name: str, identity: str) -> TrackingError:
    """The error for an experiment that was deleted."""
    return TrackingError(
        f"experiment {name!r} was deleted in {uri}; choose another name, or bring it back: "
        f"MLFLOW_TRACKING_URI={uri} mlflow experiments restore --experiment-id {identity}"
    )


def artifact_location(uri: str, experiment: str) -> str | None:
    if not uri.startswith("sqlite:"):
        return None
    folder = re.sub(r"[^\w.-]+", "-", experiment).strip(".-") or "experiment"
    return str(database_path(uri).parent / "mlruns" / folder)
