"""The versions of registered models, found by alias or number, with their files."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from housing.deployment.bundle import digest
from housing.deployment.spec import Deployment
from housing.errors import DataError, RegistryError
from housing.files import cache_folder
from housing.nearest import nearest
from housing.tracking.places import local_path
from housing.tracking.reader import Reader, Version
from housing.tracking.vendor import translated

_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<number>[1-9]\d*))")
_SHOWN = 5


class Versions:
    """The registered models of one record. May be used from any thread; failures are RegistryErrors."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def find(self, name: str, *, alias: str) -> Version | None:
        """The version with an alias; None when there is no such alias or model."""
        return next((version for version in self.reader.versions(name) if alias in version.aliases), None)

    def resolve(self, uri: str) -> Version:
        """The version of `models:/<name>@<alias>` or `models:/<name>/<number>`; RegistryError lists what exists."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise RegistryError(f"{uri}: a model is named models:/<name>@<alias> or models:/<name>/<version>")
        name, alias, number = match["name"], match["alias"], match["number"]
        versions = self.reader.versions(name)
        for version in versions:
            if alias in version.aliases or str(version.number) == number:
                return version
        raise RegistryError(f"{uri}: {self._missing(name, alias, versions)}")

    def pin(self, deployment: Deployment) -> Deployment:
        """The deployment with every alias replaced by its version; raises RegistryError with all that fail."""
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
        """The folder of a version's bundle, checked; files on this machine are used in place."""
        from housing.training.bundle_files import BUNDLE_IN_MODEL, check_bundle

        location = local_path(version.source)
        folder = location / BUNDLE_IN_MODEL if location is not None else self._fetched(version, BUNDLE_IN_MODEL)
        try:
            check_bundle(folder)
        except DataError as e:
            raise RegistryError(f"{version.uri}: its files are damaged: {e}; register the model again") from e
        if version.digest is not None and digest(folder) != version.digest:
            raise RegistryError(
                f"{version.uri}: its files are not those that were registered; register the model again"
            )
        return folder

    def _fetched(self, version: Version, bundle: str) -> Path:
        """Download from a remote store, once per content."""
        from mlflow.artifacts import download_artifacts

        folder = cache_folder() / "models" / (version.digest or f"{version.name}-{version.number}")
        if version.digest is None or not folder.is_dir() or digest(folder) != version.digest:
            with translated(f"{version.uri}: cannot fetch its files", RegistryError):
                folder.parent.mkdir(parents=True, exist_ok=True)
                with TemporaryDirectory(prefix=".new-", dir=folder.parent) as temporary:
                    uri = f"{version.source.rstrip('/')}/{bundle}"
                    fetched = download_artifacts(artifact_uri=uri, dst_path=temporary, tracking_uri=self.reader.uri)
                    shutil.rmtree(folder, ignore_errors=True)
                    # Another process may have put the same content there first.
                    with suppress(OSError):
                        Path(fetched).replace(folder)
        return folder

    def _missing(self, name: str, alias: str | None, versions: Sequence[Version]) -> str:
        if not versions:
            models = self.reader.models()
            if name in models:
                return f"{name} has no versions (they were deleted); `housing promote` registers one"
            return f"no model {name!r} is registered{_hint(name, models)}; `housing promote` registers one"
        if alias is None:
            return f"{name} has no such version; it has {_listed(str(v.number) for v in versions)}"
        return f"{name} has no alias {alias!r}{_hint(alias, [a for v in versions for a in v.aliases])}"


def _hint(name: str, known: Sequence[str]) -> str:
    near = nearest(name, known)
    if near:
        return f"; did you mean {near!r}?"
    return f"; available: {_listed(known)}" if known else "; there are none"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else "")
