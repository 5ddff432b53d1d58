"""What autoscaling has done, and why: DescribeScalingActivities, which moto lacks."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.responses import ApiError
from housing.rehearsal.serving.scalable_targets import DIMENSION, NAMESPACE

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_KIND = "scaling-activity"
_OPEN = "InProgress"
_A_PAGE = 50


def begin(context: Context, resource: str, count: int, cause: str) -> None:
    """Record that a variant is being scaled to `count` instances."""
    activity = str(uuid.uuid4())
    context.store.create(
        _KIND,
        activity,
        {
            "ActivityId": activity,
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource,
            "ScalableDimension": DIMENSION,
            "Description": f"Setting desired instance count to {count}.",
            "Cause": cause,
            "StartTime": time.time(),
            "StatusCode": _OPEN,
            "StatusMessage": f"Successfully set desired instance count to {count}. "
            "Waiting for change to be fulfilled by sagemaker.",
            "_count": count,
        },
    )


def settle(context: Context, resource: str, count: int) -> None:
    """End the activities of a variant that has `count` instances, at an endpoint in service."""
    for activity in context.store.list(_KIND):
        if activity["ResourceId"] != resource or activity["StatusCode"] != _OPEN:
            continue
        done, told = activity["_count"] == count, f"desired instance count to {activity['_count']}."
        context.store.update(
            _KIND,
            activity["ActivityId"],
            EndTime=time.time(),
            StatusCode="Successful" if done else "Failed",
            StatusMessage=f"Successfully set {told} Change successfully fulfilled by sagemaker."
            if done
            else f"Failed to set {told}",
        )


def describe(context: Context, request: Mapping[str, Any]) -> dict[str, Any]:
    """The activities, newest first."""
    if not request.get("ServiceNamespace"):
        raise ApiError("ValidationException", "ServiceNamespace is required.")
    if request.get("ScalableDimension") and not request.get("ResourceId"):
        raise ApiError("ValidationException", "ResourceId is required where ScalableDimension is given.")
    asked = [name for name in ("ServiceNamespace", "ResourceId", "ScalableDimension") if request.get(name)]
    found = [
        {member: value for member, value in activity.items() if member in _MEMBERS}
        for activity in reversed(context.store.list(_KIND))
        if all(activity[name] == request[name] for name in asked)
    ]
    entries, token = listing.page(found, request, default=_A_PAGE)
    return {"ScalingActivities": entries} | ({"NextToken": token} if token else {})


_MEMBERS = (
    *("ActivityId", "ServiceNamespace", "ResourceId", "ScalableDimension", "Description", "Cause"),
    *("StartTime", "EndTime", "StatusCode", "StatusMessage"),
)
