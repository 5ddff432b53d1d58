"""Reads a record of any kind through MLflow's client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from housing.errors import RegistryError
from housing.tracking.reader import PAGE, Clause, MetricPoint, Order, RecordedExperiment, Run, Version
from housing.tracking.vendor import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PREFIXES = {"attribute": "attributes", "metric": "metrics", "param": "params", "tag": "tags"}


class ClientReader:
    """See `Reader`."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    @property
    def uri(self) -> str:
        return str(self._client.tracking_uri)

    def experiments(self) -> list[RecordedExperiment]:
        from mlflow.entities import ViewType

        found, token = [], None
        while True:
            with translated(f"{self.uri}: cannot read its experiments"):
                page = self._client.search_experiments(ViewType.ALL, page_token=token)
            found += [RecordedExperiment(e.experiment_id, e.name, e.lifecycle_stage == "deleted") for e in page]
            token = page.token
            if not token:
                return found

    def run(self, run_id: str) -> Run:
        with translated(f"run {run_id}: not in the record"):
            return as_run(self._client.get_run(run_id))

    def search(
        self, experiment: RecordedExperiment, clauses: Sequence[Clause], *order: Order, page: int = PAGE
    ) -> Iterator[Run]:
        text = " AND ".join(map(_clause, clauses))
        return self._found(experiment, text, [_order(each) for each in order], page)

    def filtered(self, experiment: RecordedExperiment, text: str) -> Iterator[Run]:
        return self._found(experiment, text, ["attributes.start_time DESC"], PAGE)

    def points(self, run_id: str, metric: str) -> list[MetricPoint]:
        with translated(f"run {run_id}: cannot read {metric}"):
            found = self._client.get_metric_history(run_id, metric)
        return [MetricPoint(point.value, point.step, point.timestamp) for point in found]

    def file(self, run_id: str, name: str) -> bytes:
        with translated(f"run {run_id}: has no file {name!r}"), TemporaryDirectory(prefix="housing-") as folder:
            return Path(self._client.download_artifacts(run_id, name, folder)).read_bytes()

    def models(self) -> list[str]:
        with translated("cannot list the registered models", RegistryError):
            return sorted(model.name for model in self._client.search_registered_models())

    def versions(self, model: str) -> list[Version]:
        from mlflow.exceptions import MlflowException

        try:
            aliases = self._client.get_registered_model(model).aliases
        except MlflowException as e:
            if e.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise RegistryError(f"model {model!r}: the registry does not answer: {e}") from e
        with translated(f"model {model!r}: cannot list its versions", RegistryError):
            name = model.replace("'", "")
            found = list(self._client.search_model_versions(f"name='{name}'", order_by=["version_number DESC"]))
        return [as_version(item, aliases) for item in found]

    def _found(self, experiment: RecordedExperiment, text: str, order: list[str], page: int) -> Iterator[Run]:
        token: str | None = None
        while True:
            with translated(f"experiment {experiment.name!r}: cannot search its runs"):
                found = self._client.search_runs(
                    [experiment.id], text, max_results=page, order_by=order, page_token=token
                )
            yield from map(as_run, found)
            token = found.token
            if not token:
                return


def as_run(run: Any) -> Run:
    """MLflow's run as ours."""
    return Run(
        id=run.info.run_id,
        name=run.info.run_name,
        status=run.info.status,
        experiment_id=run.info.experiment_id,
        artifact_uri=run.info.artifact_uri,
        started_at_ms=run.info.start_time,
        ended_at_ms=run.info.end_time,
        metrics=run.data.metrics,
        params=run.data.params,
        tags=run.data.tags,
        is_deleted=run.info.lifecycle_stage == "deleted",
    )


def as_version(item: Any, aliases: Mapping[str, str] | None = None) -> Version:
    """MLflow's version as ours; `aliases` (alias -> version) are the model's, if the item does not have its own."""
    number = str(item.version)
    known = item.aliases if aliases is None else [a for a, aliased in aliases.items() if str(aliased) == number]
    return Version(item.name, int(number), item.run_id or "", tuple(sorted(known)), item.tags, item.source)


def quoted(text: str) -> str:
    """Text as a string of MLflow's filter language, which has two kinds of quotes and no escapes."""
    return f'"{text.replace(chr(34), chr(39))}"' if "'" in text else f"'{text}'"


def _clause(clause: Clause) -> str:
    value = quoted(clause.value) if isinstance(clause.value, str) else clause.value
    return f"{_name(clause.field, clause.key)} {clause.operator} {value}"


def _order(order: Order) -> str:
    return f"{_name(order.field, order.key)} {'ASC' if order.ascending else 'DESC'}"


def _name(field: str, key: str) -> str:
    return f"{_PREFIXES[field]}.{key}" if field == "attribute" else f"{_PREFIXES[field]}.`{key}`"
