"""Registered models: a version is visible only when all of its files are."""

from __future__ import annotations

import re
import shutil
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from housing.deployment.bundle import digest
from housing.deployment.spec import Deployment
from housing.errors import DataError, RegistryError
from housing.nearest import nearest
from housing.processes import is_dead, process_tag
from housing.tracking import schema
from housing.tracking.entries import bounded_tags
from housing.tracking.store import cache_folder, local_path, translated
from housing.training.artifact import BUNDLE_IN_MODEL, Bundle, check_bundle, save_mlflow_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<number>[1-9]\d*))")
_SHOWN = 5


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


class Registry:
    """The registered models of one MLflow store. May be used from any thread; failures are RegistryErrors."""

    def __init__(self, client: MlflowClient) -> None:
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
        """Make a run's model a version; returns it, and whether it is new.

        Where a version has these very files already, that one is returned. Files come first and the version last:
        who is killed in between leaves an unfinished model, which the next call completes or deletes. `example` is a
        few raw rows, by column, kept with the model; `about` describes the model that this is its first version of.
        """
        own_digest = bundle_digest(bundle)
        with translated(f"model {name!r}: cannot be registered", RegistryError):
            self._ensure_model(name, about)
            versions = self._versions(name)
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
        return _version(made), True

    def set_alias(self, name: str, alias: str, number: int) -> None:
        """Let `models:/<name>@<alias>` mean this version from now on."""
        with translated(f"models:/{name}@{alias}: cannot be set to version {number}", RegistryError):
            self.client.set_registered_model_alias(name, alias, str(number))

    def find(self, name: str, *, alias: str) -> Version | None:
        """The version with an alias; None when there is no such alias or model."""
        return next((version for version in self._versions(name) if alias in version.aliases), None)

    def resolve(self, uri: str) -> Version:
        """`models:/<name>@<alias>` or `models:/<name>/<number>`; raises RegistryError that names what there is."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise RegistryError(f"{uri}: a model is named models:/<name>@<alias> or models:/<name>/<version>")
        name, alias, number = match["name"], match["alias"], match["number"]
        versions = self._versions(name)
        for version in versions:
            if alias in version.aliases or str(version.number) == number:
                return version
        raise RegistryError(f"{uri}: {self._missing(name, alias, versions)}")

    def pin(self, deployment: Deployment) -> Deployment:
        """The same deployment with every alias replaced by its version; raises RegistryError with all that fail."""
        variants, faults = {}, []
        for name, variant in deployment.variants.items():
            try:
                variants[name] = replace(variant, model=self.resolve(variant.model).uri)
            except RegistryError as e:
                faults.append(f"variant {name}: {e}")
        if faults:
            raise RegistryError(f"endpoint {deployment.endpoint}: " + "\n".join(faults))
        return replace(deployment, variants=variants)

    def download(self, version: Version) -> Path:
        """The folder of a version's bundle, checked; files on this machine are used where they are."""
        location = local_path(version.source)
        folder = location / BUNDLE_IN_MODEL if location is not None else self._fetched(version)
        try:
            check_bundle(folder)
        except DataError as e:
            raise RegistryError(f"{version.uri}: its files are damaged: {e}; register the model again") from e
        if version.digest is not None and digest(folder) != version.digest:
            raise RegistryError(
                f"{version.uri}: its files are not those that were registered; register the model again"
            )
        return folder

    def _fetched(self, version: Version) -> Path:
        """From a remote store, once for each content."""
        from mlflow.artifacts import download_artifacts

        folder = cache_folder() / "models" / (version.digest or f"{version.name}-{version.number}")
        if version.digest is None or not folder.is_dir() or digest(folder) != version.digest:
            with translated(f"{version.uri}: cannot fetch its files", RegistryError):
                folder.parent.mkdir(parents=True, exist_ok=True)
                with TemporaryDirectory(prefix=".new-", dir=folder.parent) as temporary:
                    uri = f"{version.source.rstrip('/')}/{BUNDLE_IN_MODEL}"
                    fetched = download_artifacts(
                        artifact_uri=uri, dst_path=temporary, tracking_uri=self.client.tracking_uri
                    )
                    shutil.rmtree(folder, ignore_errors=True)
                    # Another process may have put the same content there first.
                    with suppress(OSError):
                        Path(fetched).replace(folder)
        return folder

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
            save_mlflow_model(Path(temporary, "model"), bundle, model=about, example=example)
            self.client.log_model_artifacts(model.model_id, str(Path(temporary, "model")))
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        return self.client.finalize_logged_model(model.model_id, "READY")

    def _left_behind(self, run_id: str, bundle_digest: str, sources: Container[str]) -> LoggedModel | None:
        """A whole model with these files that no version uses; unfinished ones of dead processes are deleted."""
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

    def _versions(self, name: str) -> list[Version]:
        """Newest first; none for a model that does not exist."""
        from mlflow.exceptions import MlflowException

        try:
            aliases = self.client.get_registered_model(name).aliases
        except MlflowException as e:
            if e.error_code == "RESOURCE_DOES_NOT_EXIST":
                return []
            raise RegistryError(f"model {name!r}: the registry does not answer: {e}") from e
        with translated(f"model {name!r}: cannot list its versions", RegistryError):
            quoted = name.replace("'", "")
            found = list(self.client.search_model_versions(f"name='{quoted}'", order_by=["version_number DESC"]))
        return [_version(item, aliases) for item in found]

    def _missing(self, name: str, alias: str | None, versions: Sequence[Version]) -> str:
        if not versions:
            with translated("cannot list the registered models", RegistryError):
                models = [model.name for model in self.client.search_registered_models()]
            if name in models:
                return f"{name} has no versions (they were deleted); `housing promote` registers one"
            return f"no model {name!r} is registered{_hint(name, models)}; `housing promote` registers one"
        if alias is None:
            return f"{name} has no such version; it has {_listed(str(v.number) for v in versions)}"
        return f"{name} has no alias {alias!r}{_hint(alias, [a for v in versions for a in v.aliases])}"


def bundle_digest(bundle: Bundle) -> str:
    """Of its files, as a version's `digest`: the same for the same model."""
    with TemporaryDirectory(prefix="housing-") as folder:
        for file, content in bundle.files().items():
            Path(folder, file).write_bytes(content)
        return digest(Path(folder))


def _version(item: Any, aliases: Mapping[str, str] | None = None) -> Version:
    number = str(item.version)
    known = item.aliases if aliases is None else [a for a, aliased in aliases.items() if str(aliased) == number]
    return Version(item.name, int(number), item.run_id or "", tuple(sorted(known)), item.tags, item.source)


def _hint(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    if near:
        return f"; did you mean {near!r}?"
    return f"; there are {_listed(known)}" if known else "; there are none"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")
