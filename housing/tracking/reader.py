"""Reading a record: one interface for MLflow's client and for the tables of a local record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from housing.tracking import schema

PARENT_TAG = "mlflow.parentRunId"
CONFIG_FILE = "config.yaml"
"""The name of the composed configuration among the files of a run."""
PAGE = 1000
"""How many runs a reader fetches at once by default."""

Field = Literal["attribute", "metric", "param", "tag"]
Operator = Literal["=", ">=", "LIKE"]


@dataclass(frozen=True)
class Run:
    """A run in the record; `metrics` has the newest value of each, times are in Unix milliseconds."""

    id: str
    name: str
    status: str
    experiment_id: str
    artifact_uri: str
    started_at_ms: int
    ended_at_ms: int | None
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    is_deleted: bool = False

    @property
    def kind(self) -> str | None:
        """The kind given to `Runs.start`; None for a run that housing did not create."""
        return self.tags.get(schema.KIND)

    @property
    def parent(self) -> str | None:
        return self.tags.get(PARENT_TAG)


@dataclass(frozen=True)
class Version:
    """One version of a registered model. `source` is where MLflow keeps its files."""

    name: str
    number: int
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]
    source: str

    @property
    def uri(self) -> str:
        """`models:/<name>/<number>`, which always means the same version."""
        return f"models:/{self.name}/{self.number}"

    @property
    def digest(self) -> str | None:
        """The digest of the bundle's files at registration; None for a version that housing did not create."""
        return self.tags.get(schema.BUNDLE_DIGEST)


@dataclass(frozen=True)
class Clause:
    """`operator` compares text by `=` or `LIKE` (case-sensitive), numbers by `>=`."""

    field: Field
    key: str
    operator: Operator
    value: str | float


@dataclass(frozen=True)
class Order:
    """Ascending or not; runs without the value, or with NaN, come last in either direction."""

    field: Field
    key: str
    ascending: bool


@dataclass(frozen=True)
class RecordedExperiment:
    """An experiment of the record, deleted or not."""

    id: str
    name: str
    is_deleted: bool


@dataclass(frozen=True)
class MetricPoint:
    """One logged value of a metric; time in Unix milliseconds."""

    value: float
    step: int
    timestamp: int


class Reader(Protocol):
    """May be used from any thread. Failures are TrackingErrors, those of registered models RegistryErrors."""

    @property
    def uri(self) -> str:
        """Where the record is; a file by its absolute path."""

    def experiments(self) -> list[RecordedExperiment]:
        """All experiments, the newest first."""

    def run(self, run_id: str) -> Run:
        """The run with this whole id, deleted or not."""

    def search(
        self, experiment: RecordedExperiment, clauses: Sequence[Clause], *order: Order, page: int = PAGE
    ) -> Iterator[Run]:
        """Runs that are not deleted; by the given order, then the newest first, then by id."""

    def filtered(self, experiment: RecordedExperiment, text: str) -> Iterator[Run]:
        """As `search`, by a filter in MLflow's language, newest first."""

    def points(self, run_id: str, metric: str) -> list[MetricPoint]:
        """Every logged value, in no particular order."""

    def file(self, run_id: str, name: str) -> bytes:
        """One artifact of a run, whole."""

    def models(self) -> list[str]:
        """The names of the registered models, sorted."""

    def versions(self, model: str) -> list[Version]:
        """Newest first; empty for a model that does not exist."""
