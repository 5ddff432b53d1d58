"""Checks a request to create a training job, as AWS does before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws.objects import bucket_and_key, listed
from housing.rehearsal.images import framework_of
from housing.rehearsal.responses import ApiError, refused, unsupported

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_NOT_HERE = (
    *("ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig", "DebugRuleConfigurations"),
    "ProfilerRuleConfigurations",
)
_NO_RESOURCES = ("InstanceGroups", "TrainingPlanArn", "InstancePlacementConfig", "InstancePreferences")
_MOST_INSTANCES = 8
_DAY_S = 86400
_LARGEST_VOLUME_GB = 16_384
_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"


def check(context: Context, request: Mapping[str, Any]) -> None:
    """Raises ApiError: in AWS's words for what AWS refuses, in ours for what the rehearsal does not support."""
    for member in _NOT_HERE:
        if request.get(member):
            raise unsupported(f"{member} is not supported by the rehearsal.")
    for member in ("AlgorithmSpecification", "ResourceConfig", "StoppingCondition"):
        if not request.get(member):
            raise refused(f"{member} is required for a training job that is not a serverless job.")
    _check_algorithm(context, request)
    _check_machines(request["ResourceConfig"])
    _check_times(request)
    _check_quota(context, request["StoppingCondition"].get("MaxRuntimeInSeconds", 0))
    _check_checkpoints(request)
    _check_channels(context, request)
    output = request["OutputDataConfig"]
    _check_address(output["S3OutputPath"], "OutputDataConfig.S3OutputPath")
    if output.get("CompressionType", "GZIP") != "GZIP":
        raise unsupported(
            f"OutputDataConfig.CompressionType {output['CompressionType']}: the rehearsal knows GZIP alone."
        )


def metric_definitions(request: Mapping[str, Any], region: str) -> list[dict[str, str]]:
    """How metrics are found in the log: XGBoost's own definitions, or those of the request."""
    specification = request["AlgorithmSpecification"]
    if framework_of(specification["TrainingImage"], region) != "xgboost":
        return list(specification.get("MetricDefinitions", []))
    from housing.rehearsal.container.hyperparameters import MAXIMIZED, MINIMIZED

    return [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:{_NUMBER}.*"}
        for channel in ("train", "validation")
        for metric in (*MAXIMIZED, *MINIMIZED)
    ]


def _check_algorithm(context: Context, request: Mapping[str, Any]) -> None:
    specification = request["AlgorithmSpecification"]
    if specification.get("AlgorithmName") or not specification.get("TrainingImage"):
        raise unsupported(
            "AlgorithmSpecification: algorithms of the marketplace are not supported by the rehearsal; an image is."
        )
    framework = framework_of(specification["TrainingImage"], context.region)
    if specification.get("MetricDefinitions") and framework == "xgboost":
        raise refused(
            "You can't override the metric definitions for Amazon SageMaker algorithms. "
            "Please retry the request without specifying metric definitions."
        )


def _check_machines(machines: Mapping[str, Any]) -> None:
    for member in _NO_RESOURCES:
        if machines.get(member):
            raise unsupported(f"ResourceConfig.{member} is not supported by the rehearsal.")
    for member in ("InstanceType", "InstanceCount"):
        if not machines.get(member):
            raise refused(f"ResourceConfig.{member} is required.")
    if machines.get("VolumeSizeInGB", 0) > _LARGEST_VOLUME_GB:
        raise refused(
            f"ResourceConfig.VolumeSizeInGB must be {_LARGEST_VOLUME_GB} at most, got {machines['VolumeSizeInGB']}."
        )
    if machines["InstanceCount"] > _MOST_INSTANCES:
        raise unsupported(
            f"ResourceConfig.InstanceCount: the rehearsal runs {_MOST_INSTANCES} instances a job at most."
        )


def _check_times(request: Mapping[str, Any]) -> None:
    times = request["StoppingCondition"]
    run, wait = times.get("MaxRuntimeInSeconds", _DAY_S), times.get("MaxWaitTimeInSeconds")
    if request.get("EnableManagedSpotTraining"):
        if wait is None or wait < run:
            raise refused(
                "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
            )
    elif wait is not None:
        raise refused("Invalid MaxWaitTimeInSeconds. It must not be present when EnableManagedSpotTraining is false")


def _check_quota(context: Context, run_s: int) -> None:
    most = context.settings.quotas.training_run_s
    if run_s > most:
        raise ApiError(
            "ResourceLimitExceeded",
            f"The account-level service limit 'Longest run time for a training job' is {most} Seconds, with current "
            f"utilization of 0 Seconds and a request delta of {run_s} Seconds.",
        )


def _check_checkpoints(request: Mapping[str, Any]) -> None:
    checkpoints = request.get("CheckpointConfig")
    if not checkpoints:
        return
    _check_address(checkpoints["S3Uri"], "CheckpointConfig.S3Uri")
    if checkpoints.get("LocalPath", "/opt/ml/checkpoints").rstrip("/") in ("/opt/ml", "/opt/ml/input", "/opt/ml/model"):
        raise refused(f"CheckpointConfig.LocalPath {checkpoints['LocalPath']} is a folder that SageMaker uses itself.")


def _check_channels(context: Context, request: Mapping[str, Any]) -> None:
    names = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    if len(set(names)) < len(names):
        raise refused(f"Channel names must be unique, got {', '.join(names)}")
    for channel in request.get("InputDataConfig", []):
        source = channel["DataSource"].get("S3DataSource")
        where = f"InputDataConfig {channel['ChannelName']}"
        if not source:
            raise unsupported(f"{where}: the rehearsal reads channels from S3DataSource alone.")
        if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
            raise unsupported(f"{where}: the rehearsal knows S3Prefix and ManifestFile, not {source['S3DataType']}.")
        if channel.get("CompressionType", "None") != "None":
            raise unsupported(f"{where}: the rehearsal reads no compressed channels.")
        if channel.get("RecordWrapperType", "None") != "None":
            raise unsupported(f"{where}: RecordWrapperType is not supported by the rehearsal.")
        _check_objects(context, source["S3Uri"], request["RoleArn"])


def _check_objects(context: Context, uri: str, role: str) -> None:
    from botocore.exceptions import ClientError

    bucket, _ = bucket_and_key(uri)
    why = ""
    try:
        if any(True for _ in listed(context, uri)):
            return
    except ClientError as error:
        why = f" Error message from S3: {error.response['Error']['Message']}"
    raise refused(
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket exists in '
        f"the selected region ({context.region}), that objects exist under that S3 prefix, and that the role "
        f'"{role}" has "s3:ListBucket" permissions on bucket "{bucket}".{why}'
    )


def _check_address(uri: str, where: str) -> None:
    if not bucket_and_key(uri)[0]:
        raise refused(f"{where}: {uri} names no bucket")
