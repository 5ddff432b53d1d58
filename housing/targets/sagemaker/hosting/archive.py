"""A registered version as the archive that SageMaker's containers load: model.tar.gz.

encoded    xgboost-model, alone in the root, where the container takes every file for a member of an ensemble
raw        code/inference.py and the part of housing that predicts, bundle/ with the version's own files; no pickle.
           For a script's model code/requirements.txt, too, which its framework's container installs
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import housing
from housing.algorithms import script
from housing.deployment.spec import Interface
from housing.errors import DeploymentError
from housing.targets.sagemaker.hosting.requests import PROGRAM
from housing.training.artifact import check_bundle

MODEL_FILE = "xgboost-model"
_PREDICTING = ("algorithms", "data", "training")


def archive(folder: Path, interface: Interface) -> bytes:
    """The same bytes for the same bundle. Raises DeploymentError for a model that the container cannot serve."""
    about = check_bundle(folder)
    if about["algorithm"] not in ("xgboost", "script"):
        raise DeploymentError(f"{folder}: a model of algorithm {about['algorithm']} answers in its own image only")
    if interface == "encoded" and about["algorithm"] != "xgboost":
        raise DeploymentError(
            f"{folder}: a model of algorithm {about['algorithm']} is served with deployment.interface=raw, or by "
            "target@host=local: only SageMaker's XGBoost answers encoded rows"
        )
    buffer = io.BytesIO()
    # Whatever says when or by whom it was packed is left out, also by gzip: the digest is of the content.
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in _files(folder, interface, about["model_file"]):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def program(folder: Path) -> Mapping[str, Any] | None:
    """What a script's model says of its framework (`script.about`); None for a model of another algorithm."""
    bundle = json.loads((folder / "bundle.json").read_bytes())
    return script.about((folder / bundle["model_file"]).read_bytes()) if bundle["algorithm"] == "script" else None


def xgboost_version(folder: Path) -> tuple[int, int] | None:
    """Of the library that made a bundle's model; None where it does not say."""
    versions = json.loads((folder / "bundle.json").read_bytes()).get("versions", {})
    major, _, rest = str(versions.get("xgboost", "")).partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else None


def _files(folder: Path, interface: Interface, model_file: str) -> Iterator[tuple[str, bytes]]:
    if interface == "encoded":
        yield MODEL_FILE, (folder / model_file).read_bytes()
        return
    if program(folder) is not None:
        wanted = script.requirements((folder / model_file).read_bytes())
        yield "code/requirements.txt", "".join(f"{line}\n" for line in wanted).encode()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield f"bundle/{path.relative_to(folder).as_posix()}", path.read_bytes()
    package = Path(housing.__file__).parent
    yield f"code/{PROGRAM}", (Path(__file__).parent / PROGRAM).read_bytes()
    for name in ("__init__.py", "errors.py"):
        yield f"code/housing/{name}", (package / name).read_bytes()
    for part in _PREDICTING:
        for source in sorted((package / part).glob("*.py")):
            yield f"code/housing/{part}/{source.name}", source.read_bytes()
