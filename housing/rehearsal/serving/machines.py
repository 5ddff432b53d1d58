"""Starts the machine of an endpoint or a transform job: fetch, unpack, start the container, check /ping."""

from __future__ import annotations

import io
import shutil
import tarfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws.objects import bucket_and_key, pull
from housing.rehearsal.container.inference import Answer, Container, Log, Setup, Unhealthy
from housing.rehearsal.container.tree import MOUNT
from housing.rehearsal.container.unpacking import extract
from housing.rehearsal.images import framework_of
from housing.rehearsal.responses import ApiError
from housing.rehearsal.serving.models import container_of, data_uri
from housing.rehearsal.serving.multi_model import MultiModelMachine

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

_MODEL_IN_CONTAINER = f"{MOUNT}/model"
_NO_PING = (
    "The primary container for {user} did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)


class NotServing(Exception):
    """The machine did not start; the message is AWS's FailureReason, with `{user}` for the endpoint or job."""

    def reason(self, user: str) -> str:
        return str(self).replace("{user}", user)


@dataclass
class Machine:
    """A serving container, its files and its image."""

    container: Container
    folder: Path
    image: str

    def invoke(self, body: bytes, content_type: str | None, accept: str | None, target: str | None = None) -> Answer:
        """Raises ApiError if there is a `target`, as it serves only one model."""
        if target is not None:
            raise ApiError("ValidationError", "TargetModel is not supported: the endpoint serves one model alone.")
        return self.container.invoke(body, content_type, accept)

    def close(self) -> None:
        self.container.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def start(
    context: Context, model: Record, log: Log, environment: Mapping[str, str] | None = None
) -> Machine | MultiModelMachine:
    """Serve a model; `environment` is added to its own. Raises NotServing."""
    about = container_of(model)
    if about.get("Mode") != "MultiModel":
        return _started(context, about, log, environment)

    def load(uri: str) -> Machine:
        try:
            return _started(context, {**about, "ModelDataUrl": uri}, log, environment)
        except NotServing as e:
            raise ApiError("ValidationError", e.reason("the model")) from e

    return MultiModelMachine(about["Image"], about["ModelDataUrl"], load)


def _started(
    context: Context, about: dict[str, Any], log: Log, environment: Mapping[str, str] | None = None
) -> Machine:
    folder = context.folder / "machines" / uuid.uuid4().hex
    try:
        files = folder / "model"
        files.mkdir(parents=True)
        _fetch(context, about, files)
        variables = {**about.get("Environment", {}), **(environment or {})}
        setup = Setup(files, {"AWS_REGION": context.region, **variables}, log)
        return Machine(_container(context, about, setup, folder), folder, about["Image"])
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _container(context: Context, about: dict[str, Any], setup: Setup, folder: Path) -> Container:
    from housing.rehearsal.container.script_inference import ScriptContainer
    from housing.rehearsal.container.xgboost_inference import XGBoostContainer

    image = framework_of(about["Image"], context.region)
    program = setup.environment.get("SAGEMAKER_PROGRAM")
    if program is None and image != "xgboost":
        setup.log("ValueError: no SAGEMAKER_PROGRAM in the environment: this image serves scripts alone")
        raise NotServing(_NO_PING)
    try:
        if program is None:
            return XGBoostContainer(setup)
        return ScriptContainer(setup, code=_code(context, setup, folder), program=program, framework=image)
    except Unhealthy as e:
        raise NotServing(_NO_PING) from e


def _code(context: Context, setup: Setup, folder: Path) -> Path:
    """The folder on this machine that SAGEMAKER_SUBMIT_DIRECTORY names."""
    place = setup.environment.get("SAGEMAKER_SUBMIT_DIRECTORY", f"{MOUNT}/code")
    if place.startswith("s3://"):
        code = folder / "code"
        code.mkdir()
        _unpack(_download(context, place), code, place)
        return code
    within = place.removeprefix("file://")
    if within == _MODEL_IN_CONTAINER or within.startswith(f"{_MODEL_IN_CONTAINER}/"):
        return setup.model / within.removeprefix(_MODEL_IN_CONTAINER).lstrip("/")
    return folder / "nothing"  # the image contains no user code


def _fetch(context: Context, about: dict[str, Any], files: Path) -> None:
    place = data_uri(about)
    if place is None:
        return
    uri, archive = place
    if archive:
        _unpack(_download(context, uri), files, uri)
        return
    pull(context, f"{uri.rstrip('/')}/", files)


def _download(context: Context, uri: str) -> bytes:
    client = context.client("s3")
    bucket, key = bucket_and_key(uri)
    try:
        return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
    except client.exceptions.ClientError as e:
        raise NotServing(
            f'Failed to download model data for container "container_1" from URL: "{uri}". Please ensure that there '
            "is an object located at the URL and that the role passed to CreateModel has permissions to download the "
            "object."
        ) from e


def _unpack(content: bytes, folder: Path, uri: str) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            extract(archive, folder)
    except (tarfile.TarError, OSError, EOFError) as e:
        raise NotServing(
            f'Failed to extract model data archive for container "container_1" from URL "{uri}". Please ensure that '
            "the object located at the URL is a valid tar.gz archive."
        ) from e
