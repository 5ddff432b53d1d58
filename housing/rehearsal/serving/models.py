"""Models: an image, an archive in S3 and an environment, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.aws.objects import exists
from housing.rehearsal.images import framework_of
from housing.rehearsal.responses import refused, unsupported
from housing.rehearsal.serving.model_packages import container_of_package

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

_KIND = "model"


def create_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    container = _only_container(request)
    if "ExecutionRoleArn" not in request:
        raise refused("Execution role is required to create a model.")
    record = {"EnableNetworkIsolation": False, **request}
    if container.get("ModelPackageName"):
        if container.get("Image") or data_uri(container):
            raise refused("A container of a model package has no Image, ModelDataUrl or ModelDataSource of its own.")
        record["_package"] = container_of_package(context, container["ModelPackageName"])
    else:
        framework_of(container.get("Image", ""), context.region)
        _check_data(context, container)
    for key in ("PrimaryContainer", "Containers"):
        if key in record:
            given = record[key] if isinstance(record[key], list) else [record[key]]
            filled = [{"Mode": "SingleModel", "Environment": {}, **each} for each in given]
            record[key] = filled if isinstance(record[key], list) else filled[0]
    return {"ModelArn": context.store.create(_KIND, request["ModelName"], record)["ModelArn"]}


def describe_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listing.describe(context, _KIND, request)


def list_models(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listing.summaries(context, _KIND, request, member="Models")


def delete_model(context: Context, request: dict[str, Any]) -> None:
    """Endpoints continue to serve it: their machines have their own copy."""
    context.store.remove(_KIND, request["ModelName"])


def container_of(model: Record) -> dict[str, Any]:
    """The only container of a model, completed from its model package if it has one."""
    own: dict[str, Any] = model["PrimaryContainer"] if "PrimaryContainer" in model else model["Containers"][0]
    package = model.get("_package", {})
    return {**package, **own, "Environment": {**package.get("Environment", {}), **own.get("Environment", {})}}


def serves_many(container: dict[str, Any]) -> bool:
    """Whether its data are a prefix with several models below it, one of which each request names."""
    return container.get("Mode") == "MultiModel"


def data_uri(container: dict[str, Any]) -> tuple[str, bool] | None:
    """The S3 URI of the model's files, and whether it is an archive; None for a container without files."""
    if source := container.get("ModelDataSource", {}).get("S3DataSource"):
        return source["S3Uri"], source["CompressionType"] == "Gzip"
    return (container["ModelDataUrl"], True) if container.get("ModelDataUrl") else None


def _only_container(request: dict[str, Any]) -> dict[str, Any]:
    if ("PrimaryContainer" in request) == bool(request.get("Containers")):
        raise refused("Either PrimaryContainer or Containers must be provided, and not both.")
    containers = [request["PrimaryContainer"]] if "PrimaryContainer" in request else request["Containers"]
    if len(containers) > 1:
        raise unsupported("the rehearsal does not support pipelines of several containers")
    container: dict[str, Any] = containers[0]
    for member in ("ImageConfig", "AdditionalModelDataSources"):
        if container.get(member):
            raise unsupported(f"the rehearsal does not support {member} of a container")
    if container.get("MultiModelConfig") and not serves_many(container):
        raise refused("MultiModelConfig is not valid for a container whose Mode is not MultiModel.")
    if serves_many(container) and not container.get("ModelDataUrl"):
        raise refused("ModelDataUrl, the prefix below which the models lie, is required for the Mode MultiModel.")
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise refused("ModelDataUrl and ModelDataSource are mutually exclusive.")
    return container


def _check_data(context: Context, container: dict[str, Any]) -> None:
    place = data_uri(container)
    if place is None:
        return
    uri, archive = place
    if serves_many(container):
        if uri.endswith(".tar.gz"):
            raise refused(f"ModelDataUrl must be a prefix for the Mode MultiModel, and not an archive: {uri}.")
        return
    if not exists(context, uri, prefix=not archive):
        raise refused(f"Could not find model data at {uri}.")


OPERATIONS = {
    "CreateModel": create_model,
    "DescribeModel": describe_model,
    "ListModels": list_models,
    "DeleteModel": delete_model,
}
