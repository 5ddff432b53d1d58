"""Prepares the disk of a training job's machine before the container starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws import objects
from housing.rehearsal.container.tree import MOUNT, Tree

if TYPE_CHECKING:
    from housing.rehearsal.context import Context


class Failed(Exception):
    """The job has failed; the text is its FailureReason."""


def download(context: Context, request: Mapping[str, Any], tree: Tree) -> objects.Mirror | None:
    """Fill /opt/ml for a job; returns the mirror of its checkpoints, if it has any. Raises Failed."""
    from botocore.exceptions import ClientError

    tree.make()
    try:
        channels = {
            channel["ChannelName"]: _channel(context, request, channel, tree.data / channel["ChannelName"])
            for channel in request.get("InputDataConfig", [])
        }
        _fetch_script(context, request, tree)
        checkpoints = _checkpoints(context, request, tree)
    except ClientError as error:
        raise Failed(f"ClientError: Data download failed:{error}") from error
    _let_drivers_find(tree)
    tree.write("hyperparameters", request.get("HyperParameters", {}))
    tree.write("inputdataconfig", channels)
    tree.write("resourceconfig", _machine(request["ResourceConfig"]["InstanceType"]))
    return checkpoints


def _channel(context: Context, request: Mapping[str, Any], channel: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Fetch a channel; returns its entry in inputdataconfig.json."""
    source = channel["DataSource"]["S3DataSource"]
    folder.mkdir()
    if not objects.pull(context, source["S3Uri"], folder):
        raise Failed(
            f'ClientError: Data download failed:No S3 objects found under S3 URL "{source["S3Uri"]}" given in input '
            "data source"
        )
    mode = channel.get("InputMode") or request["AlgorithmSpecification"].get("TrainingInputMode", "File")
    about = {
        "TrainingInputMode": "File" if mode == "FastFile" else mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": "None",
    }
    return about | ({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {})


def _fetch_script(context: Context, request: Mapping[str, Any], tree: Tree) -> None:
    given = request.get("HyperParameters", {}).get("sagemaker_submit_directory", "").strip('"')
    if given.startswith("s3://"):
        bucket, key = objects.bucket_and_key(given)
        body = context.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        (tree.root.parent / "sourcedir.tar.gz").write_bytes(body)


def _checkpoints(context: Context, request: Mapping[str, Any], tree: Tree) -> objects.Mirror | None:
    given = request.get("CheckpointConfig")
    if not given:
        return None
    local = given.get("LocalPath", f"{MOUNT}/checkpoints")
    tree.write("checkpointconfig", {"LocalPath": local})
    mirror = objects.Mirror(context, Path(tree.inside(local)), given["S3Uri"])
    mirror.fetch()
    return mirror


def _let_drivers_find(tree: Tree) -> None:
    """The SDK's drivers contain the container's paths; replace them by ours."""
    for path in (tree.data / "sm_drivers").rglob("*"):
        if path.is_file() and path.suffix in (".py", ".sh"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(MOUNT, str(tree.root)), encoding="utf-8")


def _machine(instance_type: str) -> dict[str, Any]:
    group = "homogeneousCluster"
    return {
        "current_host": "algo-1",
        "current_instance_type": instance_type,
        "current_group_name": group,
        "hosts": ["algo-1"],
        "instance_groups": [{"instance_group_name": group, "instance_type": instance_type, "hosts": ["algo-1"]}],
        "network_interface_name": "eth0",
    }
