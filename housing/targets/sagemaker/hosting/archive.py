"""A registered version as the archive that SageMaker's containers load: model.tar.gz.

encoded    the built-in container's model file in the root, where each file counts as a member of an ensemble: one file
           per member of a bag
raw        code/inference.py, the part of housing that predicts, and bundle/ with the version's own files; no pickle.
           For a framework's container also code/requirements.txt, which it installs
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.algorithms import ensemble, script
from housing.algorithms.registry import CONTAINER, ENSEMBLE, SCRIPT, find, packages
from housing.deployment.spec import Interface
from housing.errors import DeploymentError
from housing.targets.sagemaker import built_in
from housing.targets.sagemaker.built_in import BuiltIn
from housing.targets.sagemaker.hosting.requests import PROGRAM
from housing.targets.sagemaker.images import FRAMEWORK, framework_image
from housing.training.artifact import predicting_part
from housing.training.bundle_files import check_bundle

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings


def archive(folder: Path, interface: Interface) -> bytes:
    """The same bytes for the same bundle. Raises DeploymentError for a model that the container cannot serve."""
    about = check_bundle(folder)
    if about["algorithm"] == CONTAINER:
        raise DeploymentError(f"{folder}: a model of algorithm {about['algorithm']} answers in its own image only")
    own = _built_in(folder, about)
    if interface == "encoded" and own is not None and len(_side_by_side(folder, about)) == 0:
        raise DeploymentError(
            f"{folder}: the container of {_reader(folder, about)} averages the models of an archive, all with "
            "the same weight and the same columns, and the members of this blend differ in that; it is served with "
            "deployment.interface=raw"
        )
    if interface == "encoded" and own is None:
        raise DeploymentError(
            f"{folder}: a model of algorithm {about['algorithm']} is served with deployment.interface=raw, or by "
            "target@host=local: SageMaker has no image of its own for it, which would answer encoded rows"
        )
    buffer = io.BytesIO()
    # No times or owners, not even gzip's: the digest must depend only on the content.
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in _files(folder, interface, about):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def image(folder: Path, settings: Settings, region: str) -> str:
    """The address of the image that serves a bundle: SageMaker's own for its algorithm, else a framework's."""
    about = _about(folder)
    algorithm = about["algorithm"]
    if (own := _built_in(folder, about)) is not None:
        made_by = find(_reader(folder, about)).library
        return own.serving_image(about.get("versions", {}).get(made_by), settings, region)
    versions = FRAMEWORK
    if algorithm == SCRIPT:
        described = script.about((folder / about["model_file"]).read_bytes())
        versions = (described["framework"], described["framework_version"], described["py_version"])
    return framework_image(*versions, region, instance_type=settings.instance_type, scope="inference")


def _reader(folder: Path, about: Mapping[str, Any]) -> str:
    """The algorithm of the bundle; for an ensemble that of its members, if they have the same."""
    if about["algorithm"] != ENSEMBLE:
        return str(about["algorithm"])
    return ensemble.common_algorithm((folder / about["model_file"]).read_bytes()) or ENSEMBLE


def _built_in(folder: Path, about: Mapping[str, Any]) -> BuiltIn | None:
    return built_in.find(_reader(folder, about))


def _side_by_side(folder: Path, about: Mapping[str, Any]) -> list[bytes]:
    """The model files whose answers the built-in container averages; empty where that would be wrong."""
    model = (folder / about["model_file"]).read_bytes()
    return [model] if about["algorithm"] != ENSEMBLE else ensemble.equals(model) or []


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / "bundle.json").read_bytes())
    return about


def _files(folder: Path, interface: Interface, about: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    algorithm, model = about["algorithm"], (folder / about["model_file"]).read_bytes()
    own = _built_in(folder, about)
    if interface == "encoded" and own is not None:
        first, *others = _side_by_side(folder, about)
        yield own.model_file, first
        for number, member in enumerate(others, 1):
            yield f"{own.model_file}-{number:03d}", member
        return
    if own is None:
        needs = [f"{name}=={version}" for name, version in packages(algorithm).items()]
        lines = "".join(f"{line}\n" for line in [*needs, *find(algorithm).requirements(model)])
        yield "code/requirements.txt", lines.encode()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield f"bundle/{path.relative_to(folder).as_posix()}", path.read_bytes()
    yield f"code/{PROGRAM}", (Path(__file__).parent / PROGRAM).read_bytes()
    for name, content in predicting_part().items():
        yield f"code/{name}", content
