"""Variants that Application Auto Scaling scales."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.responses import ApiError, refused

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
METRIC = "SageMakerVariantInvocationsPerInstance"

_METRICS = (
    METRIC,
    "SageMakerVariantProvisionedConcurrencyUtilization",
    "SageMakerInferenceComponentInvocationsPerCopy",
    "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
)
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")


def registered(context: Context, endpoint: str | None = None) -> dict[tuple[str, str], Record]:
    """Scalable targets by endpoint and variant: all, or those of one endpoint."""
    pages = context.client("application-autoscaling").get_paginator("describe_scalable_targets")
    found = {}
    for page in pages.paginate(ServiceNamespace=NAMESPACE, ScalableDimension=DIMENSION):
        for target in page["ScalableTargets"]:
            _, of, _, variant = (target["ResourceId"].split("/") + [""] * 4)[:4]
            if endpoint in (None, of):
                found[of, variant] = target
    return found


def deregister(context: Context, endpoint: str) -> None:
    """Deregister an endpoint's targets, as AWS does when the endpoint is deleted."""
    for target in registered(context, endpoint).values():
        context.client("application-autoscaling").deregister_scalable_target(
            ServiceNamespace=NAMESPACE, ResourceId=target["ResourceId"], ScalableDimension=DIMENSION
        )


def check_target(context: Context, request: Mapping[str, Any]) -> None:
    """Check RegisterScalableTarget, which moto accepts for endpoints that do not exist. Raises ApiError."""
    resource = str(request.get("ResourceId"))
    if request.get("ServiceNamespace") == "ecs":
        raise refused(f"ECS service doesn't exist: {resource}")
    if request.get("ServiceNamespace") != NAMESPACE:
        return
    named = _RESOURCE.fullmatch(resource)
    endpoint, variant = named.groups() if named else ("", "")
    if not named or not context.store.has("endpoint", endpoint) or variant not in _variants(context, endpoint):
        raise refused(f"Could not find the endpoint and variant of the resource ID {resource}.")
    least, most = request.get("MinCapacity"), request.get("MaxCapacity")
    kept = registered(context, endpoint).get((endpoint, variant), {})
    least, most = kept.get("MinCapacity") if least is None else least, kept.get("MaxCapacity") if most is None else most
    if least is None or most is None:
        raise refused("MinCapacity and MaxCapacity are required to register a new scalable target.")
    if least > most:
        raise refused("Maximum capacity cannot be less than minimum capacity")


def check_policy(context: Context, request: Mapping[str, Any]) -> None:
    """Check PutScalingPolicy. Raises ApiError."""
    if request.get("ServiceNamespace") != NAMESPACE:
        return
    resource = str(request.get("ResourceId"))
    if resource not in {target["ResourceId"] for target in registered(context).values()}:
        raise ApiError(
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: {NAMESPACE}, resource ID: {resource}, scalable "
            f"dimension: {request.get('ScalableDimension')}",
        )
    kind = request.get("PolicyType") or "StepScaling"
    if not request.get(f"{kind}PolicyConfiguration"):
        raise refused(f"{kind}PolicyConfiguration is required for the policy type {kind}.")
    metric = request.get("TargetTrackingScalingPolicyConfiguration", {}).get("PredefinedMetricSpecification")
    if metric and metric.get("PredefinedMetricType") not in _METRICS:
        raise refused(
            f"{metric.get('PredefinedMetricType')} is not a metric of the service namespace {NAMESPACE}: it has "
            f"{', '.join(_METRICS)}."
        )


def _variants(context: Context, endpoint: str) -> set[str]:
    plan = context.store.get("endpoint", endpoint)
    serving = plan.get("_serving") or plan.get("_pending") or {"variants": []}
    return {variant["VariantName"] for variant in serving["variants"]}
