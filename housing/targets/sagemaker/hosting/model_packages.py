"""SageMaker's model registry: registers a promoted version of MLflow's also as a model package."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.errors import CloudError
from housing.targets.base import PromotedVersion
from housing.targets.sagemaker.hosting import archive
from housing.targets.sagemaker.hosting.invocations import ARCHIVE_FILE
from housing.targets.sagemaker.hosting.names import tags
from housing.targets.sagemaker.hosting.requests import PROGRAM
from housing.targets.sagemaker.refusals import code, message, translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients
    from housing.targets.sagemaker.settings import Settings
    from housing.targets.sagemaker.staging import Stage

_MODEL, _DIGEST, _RUN = "housing:model", "housing:digest", "housing:run"
_TYPES = ("text/csv",)
_MOST_PROPERTIES = 50
_APPROVED, _PENDING = "Approved", "PendingManualApproval"


class ModelPackages:
    """The packages of the settings' group, which is created if it is missing."""

    def __init__(self, clients: Clients, stage: Stage, settings: Settings) -> None:
        self._clients = clients
        self._stage = stage
        self._settings = settings

    def register(self, version: PromotedVersion, folder: Path, *, own: Mapping[str, str]) -> str:
        """Returns the package's ARN. A model has one package: registered again, it is only approved if it was not.

        `own` are the tags of the group, if it is created. Raises CloudError.
        """
        group = str(self._settings.model_package_group)
        client = self._clients("sagemaker")
        self._ensure(group, own)
        if known := self._known(group, version.digest):
            if version.is_approved and known["ModelApprovalStatus"] != _APPROVED:
                with translated("sagemaker"):
                    client.update_model_package(
                        ModelPackageArn=known["ModelPackageArn"],
                        ModelApprovalStatus=_APPROVED,
                        ApprovalDescription=version.why,
                    )
            return str(known["ModelPackageArn"])
        with translated("sagemaker"):
            return str(client.create_model_package(**self._request(group, version, folder))["ModelPackageArn"])

    def _request(self, group: str, version: PromotedVersion, folder: Path) -> dict[str, Any]:
        packed = archive.archive(folder, version.interface)
        uri = self._stage.put_bytes(packed, "packages", group, sha256(packed).hexdigest()[:16], ARCHIVE_FILE)
        container: dict[str, Any] = {
            "Image": archive.image(folder, self._settings, self._clients.region),
            "ModelDataUrl": uri,
        }
        if version.interface == "raw":
            container["Environment"] = {
                "SAGEMAKER_PROGRAM": PROGRAM,
                "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
            }
        about = {_MODEL: version.uri, _DIGEST: version.digest, _RUN: version.run_id}
        about |= {name: f"{value:.10g}" for name, value in version.metrics.items()}
        return {
            "ModelPackageGroupName": group,
            "ModelPackageDescription": version.why,
            "InferenceSpecification": {
                "Containers": [container],
                "SupportedContentTypes": [*_TYPES],
                "SupportedResponseMIMETypes": [*_TYPES],
                "SupportedRealtimeInferenceInstanceTypes": [self._settings.instance_type],
                "SupportedTransformInstanceTypes": [self._settings.instance_type],
            },
            "ModelApprovalStatus": _APPROVED if version.is_approved else _PENDING,
            "CustomerMetadataProperties": dict([*about.items()][:_MOST_PROPERTIES]),
        }

    def _ensure(self, group: str, own: Mapping[str, str]) -> None:
        try:
            with translated("sagemaker"):
                self._clients("sagemaker").create_model_package_group(
                    ModelPackageGroupName=group,
                    ModelPackageGroupDescription="Versions that housing has promoted",
                    Tags=tags(own),
                )
        except CloudError as error:
            cause = error.__cause__
            if not (code(cause) == "ValidationException" and "already exists" in message(cause)):
                raise

    def _known(self, group: str, digest: str) -> dict[str, Any] | None:
        """The newest package with the same files."""
        client = self._clients("sagemaker")
        with translated("sagemaker"):
            pages = client.get_paginator("list_model_packages").paginate(
                ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
            )
            for page in pages:
                for summary in page["ModelPackageSummaryList"]:
                    found = client.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
                    if found.get("CustomerMetadataProperties", {}).get(_DIGEST) == digest:
                        return dict(found)
        return None
