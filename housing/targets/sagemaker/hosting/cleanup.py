"""Removes what endpoints were made of: everything that has our tags, and nothing else.

An endpoint's folder in the bucket is created before everything else and removed last, so that whatever a killed command
has left behind can be found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from housing.targets.sagemaker.hosting.endpoints import Endpoints, missing_as_none
from housing.targets.sagemaker.hosting.names import ENDPOINT_TAG, endpoint_key, of_tags, stem
from housing.targets.sagemaker.hosting.scaling import scalable
from housing.targets.sagemaker.refusals import translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients

_MARK = "endpoint.json"


class Cleanup:
    """For the endpoints below one prefix."""

    def __init__(self, clients: Clients, endpoints: Endpoints, *, prefix: str) -> None:
        self._clients = clients
        self._endpoints = endpoints
        self._prefix = prefix

    def names(self) -> list[str]:
        """Endpoints of which anything may be left; empty while there is no bucket."""
        folder = f"{self._prefix}/endpoints/"
        folders: list[str] = []
        with missing_as_none("s3"):
            pages = self._clients("s3").get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=self._clients.bucket_name, Prefix=folder, Delimiter="/")
            folders = [entry["Prefix"] for page in found for entry in page.get("CommonPrefixes", ())]
        return sorted(name.removeprefix(folder).rstrip("/") for name in folders)

    def begin(self, endpoint: str) -> None:
        """Create the folder by which everything else is found."""
        with translated("s3"):
            self._clients("s3").put_object(
                Bucket=self._clients.bucket,
                Key=endpoint_key(self._prefix, endpoint, _MARK),
                Body=json.dumps({"endpoint": endpoint}).encode(),
            )

    def stop_scaling(self, endpoint: str, variants: Collection[str] | None = None) -> None:
        """Stop autoscaling for `variants`, or for everything of the endpoint that scales."""
        client = self._clients("application-autoscaling")
        for target in self._endpoints.scalable_targets(endpoint):
            variant = target["ResourceId"].rpartition("/")[2]
            if variants is None or variant in variants:
                with missing_as_none("application-autoscaling"):
                    client.deregister_scalable_target(**scalable(endpoint, variant))

    def remove_alarms(self, endpoint: str, *, but: Collection[str] = ()) -> None:
        client = self._clients("cloudwatch")
        for alarm in self._endpoints.all_alarms(endpoint):
            if alarm["AlarmName"] in but:
                continue
            with translated("cloudwatch"):
                tags = of_tags(client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
                if tags.get(ENDPOINT_TAG) == endpoint:
                    client.delete_alarms(AlarmNames=[alarm["AlarmName"]])

    def sweep(self, endpoint: str, *, config: str, models: Collection[str], archives: Collection[str]) -> None:
        """Remove configurations, models and archives that are no longer in service."""
        self._remove_configs(endpoint, but=[config])
        self._remove_models(endpoint, but=models)
        kept = {archive.rpartition("/")[0].rpartition("/")[2] for archive in archives}
        self._remove_files(endpoint, but=kept)

    def remove(self, endpoint: str) -> None:
        """Remove everything of an endpoint that is itself deleted, except captured requests and batch results."""
        self.remove_alarms(endpoint)
        self._remove_configs(endpoint)
        self._remove_models(endpoint)
        self._remove_files(endpoint)
        with translated("s3"):
            self._clients("s3").delete_object(
                Bucket=self._clients.bucket, Key=endpoint_key(self._prefix, endpoint, _MARK)
            )

    def _remove_configs(self, endpoint: str, but: Collection[str] = ()) -> None:
        delete = self._clients("sagemaker").delete_endpoint_config
        for name in self._own(endpoint, "list_endpoint_configs", "EndpointConfigs", "EndpointConfig", but):
            _quietly(delete, EndpointConfigName=name)

    def _remove_models(self, endpoint: str, but: Collection[str] = ()) -> None:
        delete = self._clients("sagemaker").delete_model
        for name in self._own(endpoint, "list_models", "Models", "Model", but):
            _quietly(delete, ModelName=name)

    def _own(self, endpoint: str, operation: str, answer: str, kind: str, but: Collection[str]) -> Iterator[str]:
        """Names of resources that have the endpoint's tag; the name alone proves nothing."""
        with translated("sagemaker"):
            pages = self._clients("sagemaker").get_paginator(operation)
            found = [item for page in pages.paginate(NameContains=stem(endpoint)) for item in page[answer]]
        for item in found:
            name = item[f"{kind}Name"]
            # SageMaker matches anywhere in a name, and we may lack permission to read the tags of others' resources.
            if name.startswith(f"{stem(endpoint)}-") and name not in but:
                tags: dict[str, str] = {}
                with missing_as_none("sagemaker"):
                    tags = self._endpoints.tags(item[f"{kind}Arn"])
                if tags.get(ENDPOINT_TAG) == endpoint:
                    yield name

    def _remove_files(self, endpoint: str, but: Collection[str] = ()) -> None:
        client, bucket = self._clients("s3"), self._clients.bucket
        folder = endpoint_key(self._prefix, endpoint, "")
        with translated("s3"):
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
            for key in [entry["Key"] for page in pages for entry in page.get("Contents", ())]:
                digest, slash, _ = key.removeprefix(folder).partition("/")
                if slash and digest not in but:
                    client.delete_object(Bucket=bucket, Key=key)


def _quietly(delete: Callable[..., Any], **name: str) -> None:
    with missing_as_none("sagemaker"):
        delete(**name)
