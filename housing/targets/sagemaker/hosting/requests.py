"""Requests that create and change endpoints, built from a deployment; nothing is sent from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from housing.deployment.plan import SetWeightsAndCapacities
from housing.deployment.spec import Deployment, Interface, Update, Variant
from housing.targets.sagemaker.hosting.names import ENDPOINT_TAG, content_name, tags

Request = dict[str, Any]

PROGRAM = "inference.py"
MODEL_VARIABLE, DIGEST_VARIABLE, INTERFACE_VARIABLE = "HOUSING_MODEL", "HOUSING_DIGEST", "HOUSING_INTERFACE"
"""Variables of a model's container: they cannot be changed later, so they tell what is really served."""

UPDATE_TAG = "housing:update"
ALARM_TAG = "housing:alarm."
"""Tags of an endpoint: its update strategy, and the existing alarms that watch updates."""

_SLACK_S = 1800  # for machines to start, in addition to an update's configured waits
_SHORTEST_LIMIT_S, _LONGEST_LIMIT_S = 600, 28800


@dataclass(frozen=True)
class ResourceDefaults:
    """What all resources of an endpoint are created with. `tags` are those of the user and the experiment."""

    role_arn: str
    bucket: str
    prefix: str
    kms_key: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def tags_of(self, endpoint: str) -> dict[str, str]:
        return {**self.tags, ENDPOINT_TAG: endpoint}


@dataclass(frozen=True)
class Served:
    """A registered version as files: its pinned `model`, the digest of its bundle, and the address of its archive."""

    model: str
    digest: str
    image: str
    archive: str


def create_model(defaults: ResourceDefaults, endpoint: str, interface: Interface, served: Served) -> Request:
    """The request to create a model: the same content gives the same request, including the name."""
    environment = {
        MODEL_VARIABLE: served.model,
        DIGEST_VARIABLE: served.digest,
        INTERFACE_VARIABLE: interface,
    }
    if interface == "raw":
        environment |= {"SAGEMAKER_PROGRAM": PROGRAM, "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    content: Request = {
        "PrimaryContainer": {"Image": served.image, "ModelDataUrl": served.archive, "Environment": environment},
        "ExecutionRoleArn": defaults.role_arn,
    }
    if defaults.subnets:
        content["VpcConfig"] = {"Subnets": [*defaults.subnets], "SecurityGroupIds": [*defaults.security_groups]}
    return {
        "ModelName": content_name(endpoint, content),
        **content,
        "Tags": tags({**defaults.tags_of(endpoint), "housing:model": served.model, "housing:digest": served.digest}),
    }


def create_endpoint_config(
    defaults: ResourceDefaults, deployment: Deployment, models: Mapping[str, str], *, beside: str | None = None
) -> Request:
    """`models` are the names of SageMaker's models, by variant.

    `beside` is the configuration in service: the new one gets another name even when its content is the same, because
    weights or capture may have been changed since, and an endpoint cannot be updated to the configuration that it has.
    """
    endpoint = deployment.endpoint
    production = [_variant(n, v, models[n]) for n, v in deployment.variants.items() if not v.shadow]
    shadows = [_variant(n, v, models[n]) for n, v in deployment.variants.items() if v.shadow]
    content: Request = {"ProductionVariants": production}
    if shadows:
        content["ShadowProductionVariants"] = shadows
    if deployment.capture:
        content["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": deployment.capture.percent,
            "DestinationS3Uri": capture_uri(defaults),
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
            **({"KmsKeyId": defaults.kms_key} if defaults.kms_key else {}),
        }
    if deployment.asynchronous:
        content["AsyncInferenceConfig"] = {
            "ClientConfig": {
                "MaxConcurrentInvocationsPerInstance": deployment.asynchronous.concurrent_per_instance,
            },
            "OutputConfig": {
                "S3OutputPath": f"{queue_uri(defaults, endpoint)}/answers",
                "S3FailurePath": f"{queue_uri(defaults, endpoint)}/failures",
                **({"KmsKeyId": defaults.kms_key} if defaults.kms_key else {}),
            },
        }
    if defaults.kms_key and not any(v.serverless for v in deployment.variants.values()):
        content["KmsKeyId"] = defaults.kms_key
    name = content_name(endpoint, content)
    if name == beside:
        name = content_name(endpoint, {**content, "beside": beside})
    return {"EndpointConfigName": name, **content, "Tags": tags(defaults.tags_of(endpoint))}


def create_endpoint(defaults: ResourceDefaults, deployment: Deployment, config: str) -> Request:
    return {
        "EndpointName": deployment.endpoint,
        "EndpointConfigName": config,
        "Tags": tags({**defaults.tags_of(deployment.endpoint), **update_tags(deployment.update)}),
    }


def update_endpoint(deployment: Deployment, config: str, alarms: list[str]) -> Request:
    """Live instance counts are retained, as autoscaling may have changed them; weights and capture are the new ones."""
    request: Request = {
        "EndpointName": deployment.endpoint,
        "EndpointConfigName": config,
        "RetainAllVariantProperties": True,
        "ExcludeRetainedVariantProperties": [
            {"VariantPropertyType": "DesiredWeight"},
            {"VariantPropertyType": "DataCaptureConfig"},
        ],
    }
    if not any(v.serverless for v in deployment.variants.values()):
        request["DeploymentConfig"] = _deployment_config(deployment.update, alarms)
    return request


def update_weights_and_capacities(action: SetWeightsAndCapacities) -> Request:
    wanted: dict[str, Request] = {name: {"VariantName": name} for name in (*action.weights, *action.instances)}
    for name, weight in action.weights.items():
        wanted[name]["DesiredWeight"] = weight
    for name, count in action.instances.items():
        wanted[name]["DesiredInstanceCount"] = count
    return {"EndpointName": action.endpoint, "DesiredWeightsAndCapacities": [*wanted.values()]}


def capture_uri(defaults: ResourceDefaults) -> str:
    """The address below which requests are captured, by endpoint and variant; they outlive the endpoint."""
    return f"s3://{defaults.bucket}/{defaults.prefix}/captured"


def queue_uri(defaults: ResourceDefaults, endpoint: str) -> str:
    """The address below which an asynchronous endpoint's requests wait, and its answers are written."""
    return f"s3://{defaults.bucket}/{defaults.prefix}/asynchronous/{endpoint}"


def update_tags(update: Update) -> dict[str, str]:
    """The update strategy as tags of the endpoint: SageMaker does not store it until an update is made."""
    values = {
        "strategy": update.strategy,
        "step_percent": update.step_percent,
        "wait_s": update.wait_s,
        "bake_s": update.bake_s,
    }
    alarms = {f"{ALARM_TAG}{index}": name for index, name in enumerate(update.existing_alarms)}
    return {UPDATE_TAG: " ".join(f"{key}={value}" for key, value in values.items()), **alarms}


def _variant(name: str, variant: Variant, model: str) -> Request:
    request: Request = {"VariantName": name, "ModelName": model, "InitialVariantWeight": variant.weight}
    if variant.serverless:
        request["ServerlessConfig"] = {
            "MemorySizeInMB": variant.serverless.memory_mb,
            "MaxConcurrency": variant.serverless.max_concurrency,
        }
    else:
        request |= {"InstanceType": variant.instance_type, "InitialInstanceCount": variant.instances}
    return request


def _deployment_config(update: Update, alarms: list[str]) -> Request:
    size = {"Type": "CAPACITY_PERCENT", "Value": update.step_percent}
    routing: Request = {
        "all_at_once": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        "canary": {"Type": "CANARY", "WaitIntervalInSeconds": update.wait_s, "CanarySize": size},
        "linear": {"Type": "LINEAR", "WaitIntervalInSeconds": update.wait_s, "LinearStepSize": size},
    }[update.strategy]
    limit_s = min(max(update.seconds + _SLACK_S, _SHORTEST_LIMIT_S), _LONGEST_LIMIT_S)
    config: Request = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": update.bake_s,
            "MaximumExecutionTimeoutInSeconds": limit_s,
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config
