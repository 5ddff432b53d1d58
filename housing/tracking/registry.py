"""Registers models: a version becomes visible only after all of its files."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from housing.deployment.bundle import digest
from housing.errors import RegistryError
from housing.processes import is_dead, process_tag
from housing.tracking import schema
from housing.tracking.client_reader import ClientReader, as_version
from housing.tracking.entries import bounded_tags
from housing.tracking.reader import Version
from housing.tracking.vendor import translated
from housing.tracking.versions import Versions
from housing.training.artifact import Bundle, save_mlflow_model
from housing.training.bundle_files import BUNDLE_IN_MODEL
from housing.training.compiled import keep_form

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel


class Registry(Versions):
    """The registered models of one MLflow store, to read and to write."""

    def __init__(self, client: MlflowClient) -> None:
        super().__init__(ClientReader(client))
        self.client = client

    def register(
        self,
        name: str,
        run_id: str,
        bundle: Bundle,
        *,
        tags: Mapping[str, str] | None = None,
        description: str = "",
        about: str = "",
        example: Mapping[str, Sequence[object]] | None = None,
    ) -> tuple[Version, bool]:
        """Register a run's model as a version; returns it, and whether it is new.

        A version with the same files is returned instead, if there is one. Files are written first and the version
        last: a kill in between leaves an unfinished model, which the next call completes or deletes. `example` is a
        few raw rows, by column, stored with the model; `about` describes the registered model, if it is new.
        """
        own_digest = bundle_digest(bundle)
        with translated(f"model {name!r}: cannot be registered", RegistryError):
            self._ensure_model(name, about)
            versions = self.reader.versions(name)
            for known in versions:
                if known.digest == own_digest and self._is_whole(known):
                    return known, False
            sources = {known.source for known in versions}
            model = self._left_behind(run_id, own_digest, sources) or self._complete_model(
                name, run_id, bundle, own_digest, example
            )
            made = self.client.create_model_version(
                name,
                source=model.artifact_location,
                run_id=model.source_run_id,
                tags=bounded_tags({**(tags or {}), schema.BUNDLE_DIGEST: own_digest}),
                description=description,
                model_id=model.model_id,
            )
        return as_version(made), True

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Make `models:/<name>@<alias>` refer to this version from now on."""
        with translated(f"models:/{name}@{alias}: cannot be set to version {number}", RegistryError):
            self.client.set_registered_model_alias(name, alias, str(number))

    def _ensure_model(self, name: str, about: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(name, description=about or None)
        except MlflowException as e:
            if e.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _complete_model(
        self,
        name: str,
        run_id: str,
        bundle: Bundle,
        bundle_digest: str,
        example: Mapping[str, Sequence[object]] | None,
    ) -> LoggedModel:
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        run = self.client.get_run(run_id)
        model = self.client.create_logged_model(
            run.info.experiment_id,
            name=name,
            source_run_id=run_id,
            tags={schema.BUNDLE_DIGEST: bundle_digest, schema.PROCESS: process_tag()},
            params={key: value for key, value in run.data.params.items() if len(value) <= 500},
        )
        with TemporaryDirectory(prefix="housing-") as temporary:
            about = Model(
                artifact_path=model.artifact_location, model_uuid=model.model_id, run_id=run_id, model_id=model.model_id
            )
            folder = Path(temporary, "model")
            save_mlflow_model(folder, bundle, model=about, example=example)
            keep_form(folder, folder / BUNDLE_IN_MODEL, bundle_digest)
            self.client.log_model_artifacts(model.model_id, str(folder))
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return self.client.finalize_logged_model(model.model_id, "READY")

    def _left_behind(self, run_id: str, bundle_digest: str, sources: Container[str]) -> LoggedModel | None:
        """A complete model with these files that no version uses; deletes unfinished ones of dead processes."""
        whole = None
        for model in self.client.search_logged_models([self.client.get_run(run_id).info.experiment_id]):
            if model.status == "PENDING" and is_dead(model.tags.get(schema.PROCESS, "")):
                self.client.delete_logged_model(model.model_id)
            elif (
                model.status == "READY"
                and model.tags.get(schema.BUNDLE_DIGEST) == bundle_digest
                and model.artifact_location not in sources
            ):
                whole = model
        return whole

    def _is_whole(self, version: Version) -> bool:
        try:
            self.download(version)
        except RegistryError:
            return False
        return True


def bundle_digest(bundle: Bundle) -> str:
    """The digest of a bundle's files, as in a version's `digest`: the same for the same model."""
    with TemporaryDirectory(prefix="housing-") as folder:
        for file, content in bundle.files().items():
            Path(folder, file).write_bytes(content)
        return digest(Path(folder))
