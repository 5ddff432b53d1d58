"""Writing a record: one interface for MLflow's client and for the tables of a local record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from housing.tracking.reader import RecordedExperiment

RUN_NAME = "mlflow.runName"
USER = "mlflow.user"
CONTEXT = "mlflow.data.context"
"""MLflow's keys: of a dataset's role in a run, and of a run's name and user as tags."""

_NO_TAGS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Point:
    """One value of a metric; time in Unix milliseconds."""

    key: str
    value: float
    timestamp: int
    step: int


@dataclass(frozen=True)
class DatasetUse:
    """One dataset that a run read, as MLflow stores it: source, schema and profile are JSON."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None
    profile: str
    context: str


class Writer(Protocol):
    """May be used from any thread. Raises what `vendor.translated` translates."""

    @property
    def client(self) -> MlflowClient:
        """MLflow's client, for what only MLflow writes; imported on first use."""

    def experiment(self, name: str, artifacts: str | None) -> RecordedExperiment:
        """The experiment of that name, even if deleted; else a new one with this folder (None: MLflow's default)."""

    def experiment_of(self, run_id: str) -> RecordedExperiment:
        """The experiment that a run belongs to."""

    def experiment_by_id(self, identity: str) -> RecordedExperiment:
        """The experiment with this id, deleted or not."""

    def artifacts_of(self, identity: str) -> str:
        """The location of the files of an experiment's new runs."""

    def tag_experiment(self, identity: str, key: str, value: str) -> None:
        """Set one tag of an experiment."""

    def create_run(self, experiment: str, name: str, started_at_ms: int, tags: Mapping[str, str]) -> str:
        """Create a RUNNING run; returns its id."""

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Point] = (),
        params: Mapping[str, str] = _NO_TAGS,
        tags: Mapping[str, str] = _NO_TAGS,
    ) -> None:
        """Add to a run. Existing points are not repeated; parameters may not change; tags may."""

    def log_inputs(self, run_id: str, uses: Sequence[DatasetUse]) -> None:
        """Log what the run read; a dataset of the same name and digest is stored once per experiment."""

    def rename(self, run_id: str, name: str) -> None:
        """Give a run another name."""

    def set_status(self, run_id: str, status: str, ended_at_ms: int | None = None) -> None:
        """Set a run to RUNNING again, or to ended at a given time."""

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove an existing tag."""

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Write files below a run's artifacts, by relative path."""
