"""Writes a record of any kind through MLflow's client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from housing.tracking.reader import RecordedExperiment
from housing.tracking.writer import CONTEXT, DatasetUse, Point

if TYPE_CHECKING:
    from mlflow import MlflowClient

_NOTHING: Mapping[str, str] = {}


class ClientWriter:
    """See `Writer`."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    @property
    def client(self) -> MlflowClient:
        return self._client

    def experiment(self, name: str, artifacts: str | None) -> RecordedExperiment:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                identity = self._client.create_experiment(name, artifacts)
                return RecordedExperiment(str(identity), name, is_deleted=False)
            except MlflowException:
                # Another process may have created it meanwhile.
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return _recorded(found)

    def experiment_of(self, run_id: str) -> RecordedExperiment:
        return self.experiment_by_id(self._client.get_run(run_id).info.experiment_id)

    def experiment_by_id(self, identity: str) -> RecordedExperiment:
        return _recorded(self._client.get_experiment(identity))

    def artifacts_of(self, identity: str) -> str:
        return str(self._client.get_experiment(identity).artifact_location)

    def tag_experiment(self, identity: str, key: str, value: str) -> None:
        self._client.set_experiment_tag(identity, key, value)

    def create_run(self, experiment: str, name: str, started_at_ms: int, tags: Mapping[str, str]) -> str:
        return str(self._client.create_run(experiment, started_at_ms, dict(tags), name).info.run_id)

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Point] = (),
        params: Mapping[str, str] = _NOTHING,
        tags: Mapping[str, str] = _NOTHING,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            run_id,
            metrics=[Metric(point.key, point.value, point.timestamp, point.step) for point in metrics],
            params=[Param(key, value) for key, value in params.items()],
            tags=[RunTag(key, value) for key, value in tags.items()],
        )

    def log_inputs(self, run_id: str, uses: Sequence[DatasetUse]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        described = [
            DatasetInput(
                dataset=Dataset(
                    name=use.name,
                    digest=use.digest,
                    source_type=use.source_type,
                    source=use.source,
                    schema=use.schema,
                    profile=use.profile,
                ),
                tags=[InputTag(CONTEXT, use.context)],
            )
            for use in uses
        ]
        try:
            self._client.log_inputs(run_id, described)
        except MlflowException:
            # MLflow fails if another job writes the same dataset between its read and its write; by now it exists.
            self._client.log_inputs(run_id, described)

    def rename(self, run_id: str, name: str) -> None:
        self._client.update_run(run_id, name=name)

    def set_status(self, run_id: str, status: str, ended_at_ms: int | None = None) -> None:
        if ended_at_ms is None:
            self._client.update_run(run_id, status=status)
        else:
            self._client.set_terminated(run_id, status, ended_at_ms)

    def delete_tag(self, run_id: str, key: str) -> None:
        self._client.delete_tag(run_id, key)

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        with TemporaryDirectory(prefix="housing-") as folder:
            for name, content in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self._client.log_artifacts(run_id, folder)


def _recorded(experiment: Any) -> RecordedExperiment:
    deleted = experiment.lifecycle_stage == "deleted"
    return RecordedExperiment(str(experiment.experiment_id), experiment.name, deleted)
