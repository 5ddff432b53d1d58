"""What a record is asked: one interface over MLflow's client and over the tables of a local record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from housing.tracking import schema

PARENT_TAG = "mlflow.parentRunId"
CONFIG_FILE = "config.yaml"
"""The composed configuration, among the files of a run."""
PAGE = 1000
"""How many runs a reader fetches at once, unless it is told otherwise."""

Field = Literal["attribute", "metric", "param", "tag"]
Operator = Literal["=", ">=", "LIKE"]


@dataclass(frozen=True)
class Run:
    """One run as it stands in the record; `metrics` has the newest value of each, times are Unix milliseconds."""

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
        """As given to `Runs.start`; None for a run that was not made by housing."""
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
        """`models:/<name>/<number>`, which never means another version."""
        return f"models:/{self.name}/{self.number}"

    @property
    def digest(self) -> str | None:
        """Of the bundle's files when they were registered; None for a version that housing did not make."""
        return self.tags.get(schema.BUNDLE_DIGEST)


@dataclass(frozen=True)
class Clause:
    """`operator` compares text with `=` and `LIKE` (where case counts), numbers with `>=`."""

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
    """One value of a metric that was logged; time in Unix milliseconds."""

    value: float
    step: int
    timestamp: int


class Reader(Protocol):
    """May be used from any thread. Failures are TrackingErrors, those of registered models RegistryErrors."""

    @property
    def uri(self) -> str:
        """Where the record is; a file by its absolute path."""

    def experiments(self) -> list[RecordedExperiment]:
        """All of them, the newest first."""

    def run(self, run_id: str) -> Run:
        """By its whole id, deleted or not."""

    def search(
        self, experiment: RecordedExperiment, clauses: Sequence[Clause], *order: Order, page: int = PAGE
    ) -> Iterator[Run]:
        """Runs that are not deleted; behind the given order the newest first, then by id."""

    def filtered(self, experiment: RecordedExperiment, text: str) -> Iterator[Run]:
        """The same by a filter in MLflow's language, newest first."""

    def points(self, run_id: str, metric: str) -> list[MetricPoint]:
        """Every value that was logged, in no certain order."""

    def file(self, run_id: str, name: str) -> bytes:
        """One artifact of a run, whole."""

    def models(self) -> list[str]:
        """The names of the registered models, sorted."""

    def versions(self, model: str) -> list[Version]:
        """Newest first; none for a model that does not exist."""
