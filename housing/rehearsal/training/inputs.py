"""Fills the disk of a training job's machine before the container starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws import objects
from housing.rehearsal.container.tree import MOUNT, Tree

if TYPE_CHECKING:
    from housing.rehearsal.context import Context


class Failed(Exception):
    """The job has failed; the text is its FailureReason."""


def download(
    context: Context, request: Mapping[str, Any], tree: Tree, *, host: str, hosts: Sequence[str]
) -> objects.Mirror | None:
    """Fill /opt/ml of one of a job's hosts; returns the mirror of its checkpoints, if it has any. Raises Failed."""
    from botocore.exceptions import ClientError

    tree.make()
    try:
        channels = {
            channel["ChannelName"]: _channel(
                context,
                request,
                channel,
                tree.data / channel["ChannelName"],
                slice(hosts.index(host), None, len(hosts)),
            )
            for channel in request.get("InputDataConfig", [])
        }
        _fetch_script(context, request, tree)
        checkpoints = _checkpoints(context, request, tree)
    except (ClientError, ValueError) as error:
        raise Failed(f"ClientError: Data download failed:{error}") from error
    _let_drivers_find(tree)
    tree.write("hyperparameters", request.get("HyperParameters", {}))
    tree.write("inputdataconfig", channels)
    tree.write("resourceconfig", _machine(request["ResourceConfig"]["InstanceType"], host, hosts))
    return checkpoints


def _channel(
    context: Context, request: Mapping[str, Any], channel: Mapping[str, Any], folder: Path, share: slice
) -> dict[str, str]:
    """Fetch a channel, or a host's shard of it; returns its entry in inputdataconfig.json."""
    source = channel["DataSource"]["S3DataSource"]
    folder.mkdir()
    found = sorted(objects.of_source(context, source), key=lambda one: one.key)
    sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
    objects.fetch(context, found[share] if sharded else found, folder)
    if not found:
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
    """Replace the container's paths, which are hard-coded in the SDK's drivers, with ours."""
    for path in (tree.data / "sm_drivers").rglob("*"):
        if path.is_file() and path.suffix in (".py", ".sh"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(MOUNT, str(tree.root)), encoding="utf-8")


def _machine(instance_type: str, host: str, hosts: Sequence[str]) -> dict[str, Any]:
    group = "homogeneousCluster"
    return {
        "current_host": host,
        "current_instance_type": instance_type,
        "current_group_name": group,
        "hosts": [*hosts],
        "instance_groups": [{"instance_group_name": group, "instance_type": instance_type, "hosts": [*hosts]}],
        "network_interface_name": "eth0",
    }
