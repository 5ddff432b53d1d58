"""Endpoint configurations: immutable lists of variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.responses import refused, unsupported
from housing.rehearsal.serving.models import container_of, serves_many

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_KIND = "endpoint-config"
_SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
_UNSUPPORTED = ("ExplainerConfig", "CrossRegionTrafficConfig")
_UNSUPPORTED_IN_VARIANT = ("AcceleratorType", "InstancePools", "ManagedInstanceScaling", "CapacityReservationConfig")


def create_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if given := [member for member in _UNSUPPORTED if request.get(member)]:
        raise unsupported(f"the rehearsal does not support {given[0]}")
    record = dict(request)
    shadows = request.get("ShadowProductionVariants", [])
    variants = request["ProductionVariants"]
    _check_names([variant["VariantName"] for variant in variants + shadows])
    record["ProductionVariants"] = [_checked(context, variant) for variant in variants]
    if shadows:
        if len(shadows) > 1 or len(variants) > 1:
            raise refused("A shadow variant needs exactly one production variant and one shadow variant.")
        if any("ServerlessConfig" in variant for variant in variants + shadows):
            raise refused("Shadow variants are not supported with serverless variants.")
        if "AsyncInferenceConfig" in request:
            raise refused("Shadow variants are not supported with asynchronous inference.")
        record["ShadowProductionVariants"] = [_checked(context, variant) for variant in shadows]
    if "AsyncInferenceConfig" in request:
        _check_async(variants)
    if "DataCaptureConfig" in request:
        _check_capture(record)
    made = context.store.create(_KIND, request["EndpointConfigName"], record)
    return {"EndpointConfigArn": made["EndpointConfigArn"]}


def describe_endpoint_config(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listing.describe(context, _KIND, request)


def list_endpoint_configs(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listing.summaries(context, _KIND, request, member="EndpointConfigs")


def delete_endpoint_config(context: Context, request: dict[str, Any]) -> None:
    """Also while an endpoint uses it, as AWS allows and warns against: the endpoint can then no longer be updated."""
    context.store.remove(_KIND, request["EndpointConfigName"])


def _check_names(names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise refused(f"Variant names must be unique within an endpoint configuration; found twice: {twice}")


def _checked(context: Context, variant: dict[str, Any]) -> dict[str, Any]:
    """The variant with defaults filled in; ApiError for what AWS refuses."""
    name = variant["VariantName"]
    if given := [member for member in _UNSUPPORTED_IN_VARIANT if variant.get(member)]:
        raise unsupported(f"the rehearsal does not support {given[0]} of a variant")
    if "ModelName" not in variant:
        raise unsupported("the rehearsal does not support variants without ModelName")
    model = context.store.get("model", variant["ModelName"])
    if variant.get("ServerlessConfig") and serves_many(container_of(model)):
        raise refused(f"Variant {name}: multi-model containers are not supported with ServerlessConfig.")
    filled = {"InitialVariantWeight": 1.0, **variant}
    if serverless := variant.get("ServerlessConfig"):
        if "InstanceType" in variant or "InitialInstanceCount" in variant:
            raise refused(
                f"Variant {name}: InstanceType and InitialInstanceCount cannot be given along with ServerlessConfig."
            )
        if serverless["MemorySizeInMB"] not in _SERVERLESS_MEMORY_MB:
            raise refused(f"Variant {name}: MemorySizeInMB must be one of {list(_SERVERLESS_MEMORY_MB)}.")
        if serverless.get("ProvisionedConcurrency", 0) > serverless["MaxConcurrency"]:
            raise refused(f"Variant {name}: ProvisionedConcurrency must not be more than MaxConcurrency.")
        return filled
    if "InstanceType" not in variant:
        raise refused(f"Variant {name}: InstanceType is required unless ServerlessConfig is given.")
    return {"InitialInstanceCount": 1, **filled}


def _check_async(variants: list[dict[str, Any]]) -> None:
    if len(variants) > 1:
        raise refused("Asynchronous inference supports exactly one production variant.")
    if "ServerlessConfig" in variants[0]:
        raise refused("ServerlessConfig is not supported with AsyncInferenceConfig.")


def _check_capture(record: dict[str, Any]) -> None:
    capture = record["DataCaptureConfig"]
    if any("ServerlessConfig" in variant for variant in record["ProductionVariants"]):
        raise refused("DataCaptureConfig is not supported for serverless variants.")
    if not capture["DestinationS3Uri"].startswith("s3://"):
        raise refused(f"DestinationS3Uri must be an S3 URI, got {capture['DestinationS3Uri']!r}")


OPERATIONS = {
    "CreateEndpointConfig": create_endpoint_config,
    "DescribeEndpointConfig": describe_endpoint_config,
    "ListEndpointConfigs": list_endpoint_configs,
    "DeleteEndpointConfig": delete_endpoint_config,
}
