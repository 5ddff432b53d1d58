"""The model registry: groups of model packages, their versions and approval statuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.aws.objects import exists
from housing.rehearsal.images import framework_of
from housing.rehearsal.responses import ApiError, refused, unsupported

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

_GROUP, _PACKAGE = "model-package-group", "model-package"
_OLDEST_FIRST = ("CreationTime", "Ascending")
_NOT_HERE = ("ValidationSpecification", "SourceAlgorithmSpecification", "SourceUri")
_CHANGED = ("ModelApprovalStatus", "ApprovalDescription", "InferenceSpecification", "ModelCard", "ModelLifeCycle")
_VERSIONED = re.compile(r".*/\d+")


def create_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    made = context.store.create(
        _GROUP, request["ModelPackageGroupName"], {"ModelPackageGroupStatus": "Completed", "_versions": 0, **request}
    )
    return {"ModelPackageGroupArn": made["ModelPackageGroupArn"]}


def describe_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return context.store.get(_GROUP, _name(request["ModelPackageGroupName"]))


def list_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return listing.summaries(context, _GROUP, request, member="ModelPackageGroupSummaryList", order=_OLDEST_FIRST)


def delete_group(context: Context, request: dict[str, Any]) -> None:
    name = _name(request["ModelPackageGroupName"])
    context.store.get(_GROUP, name)
    if any(record.get("ModelPackageGroupName") == name for record in context.store.list(_PACKAGE)):
        raise ApiError("ConflictException", f"Model Package Group {name} cannot be deleted: it has model packages.")
    context.store.remove(_GROUP, name)


def create_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Create a version in a group, or a package without a group."""
    for member in _NOT_HERE:
        if request.get(member):
            raise unsupported(f"{member} of a model package is not supported by the rehearsal.")
    if ("ModelPackageName" in request) == ("ModelPackageGroupName" in request):
        raise refused("Exactly one of ModelPackageName and ModelPackageGroupName must be provided.")
    if not request.get("InferenceSpecification"):
        raise refused("InferenceSpecification is required for a model package without SourceAlgorithmSpecification.")
    _check_containers(context, request["InferenceSpecification"]["Containers"])
    record = {k: v for k, v in request.items() if k not in ("ClientToken", "ModelPackageName")}
    record |= {"ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {"ValidationStatuses": []}}
    if "ModelPackageName" in request:
        name = request["ModelPackageName"]
    else:
        group = _name(request["ModelPackageGroupName"])
        with context.store.edit(_GROUP, group) as edited:
            edited["_versions"] += 1
            version = edited["_versions"]
        name = f"{group}/{version}"
        record |= {"ModelPackageGroupName": group, "ModelPackageVersion": version, "ModelPackageName": group}
        record.setdefault("ModelApprovalStatus", "PendingManualApproval")
    return {"ModelPackageArn": context.store.create(_PACKAGE, name, record)["ModelPackageArn"]}


def describe_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return package(context, request["ModelPackageName"])


def list_packages(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """List the packages of a group, or those without one."""
    group, kind = request.get("ModelPackageGroupName"), request.get("ModelPackageType")
    approval = request.get("ModelApprovalStatus")
    records = [
        record
        for record in context.store.list(_PACKAGE)
        if record.get("ModelPackageGroupName") == (_name(group) if group else None)
        or (not group and kind in ("Versioned", "Both") and ("ModelPackageVersion" in record or kind == "Both"))
    ]
    if approval:
        records = [record for record in records if record.get("ModelApprovalStatus") == approval]
    return listing.summaries(
        context, _PACKAGE, request, member="ModelPackageSummaryList", order=_OLDEST_FIRST, records=records
    )


def update_package(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = _kept_name(context, request["ModelPackageArn"])
    with context.store.edit(_PACKAGE, name) as record:
        record |= {member: request[member] for member in _CHANGED if member in request}
        properties = {**record.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
        gone = request.get("CustomerMetadataPropertiesToRemove", [])
        if properties:
            record["CustomerMetadataProperties"] = {k: v for k, v in properties.items() if k not in gone}
    return {"ModelPackageArn": request["ModelPackageArn"]}


def delete_package(context: Context, request: dict[str, Any]) -> None:
    context.store.remove(_PACKAGE, _kept_name(context, request["ModelPackageName"]))


def package(context: Context, name: str) -> Record:
    """A package by name or ARN. Raises ApiError."""
    return context.store.get(_PACKAGE, _kept_name(context, name))


def container_of_package(context: Context, name: str) -> dict[str, Any]:
    """The container of a model that is made from this package. Raises ApiError for one that is not approved."""
    record = package(context, name)
    approval = record.get("ModelApprovalStatus", "Approved")
    if approval != "Approved":
        raise refused(f"Model package {record['ModelPackageArn']} is not approved for deployment: it is {approval}.")
    container: Mapping[str, Any] = record["InferenceSpecification"]["Containers"][0]
    return {k: v for k, v in container.items() if k in ("Image", "ModelDataUrl", "ModelDataSource", "Environment")}


def _check_containers(context: Context, containers: list[dict[str, Any]]) -> None:
    if len(containers) > 1:
        raise unsupported("the rehearsal does not support pipelines of several containers")
    framework_of(containers[0].get("Image", ""), context.region)
    uri = containers[0].get("ModelDataUrl")
    if uri and not exists(context, uri):
        raise refused(f"Could not find model data at {uri}.")


def _name(group: str) -> str:
    return group.rpartition("/")[2]


def _kept_name(context: Context, name: str) -> str:
    """Its name in the store: `group/version` for an ARN or name with a version."""
    kept = name.rpartition(":")[2].removeprefix(f"{_PACKAGE}/")
    if not _VERSIONED.fullmatch(kept) and context.store.has(_GROUP, kept):
        raise refused(f"{kept} is a model package group: give the ARN of one of its versions.")
    return kept


OPERATIONS = {
    "CreateModelPackageGroup": create_group,
    "DescribeModelPackageGroup": describe_group,
    "ListModelPackageGroups": list_groups,
    "DeleteModelPackageGroup": delete_group,
    "CreateModelPackage": create_package,
    "DescribeModelPackage": describe_package,
    "ListModelPackages": list_packages,
    "UpdateModelPackage": update_package,
    "DeleteModelPackage": delete_package,
}
