"""Autoscaling of variants: requests to Application Auto Scaling, and reading its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from housing.deployment.spec import Autoscaling
from housing.targets.sagemaker.hosting.names import variant_resource

POLICY = "housing"
METRIC = "SageMakerVariantInvocationsPerInstance"
_SPACE = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
_SUSPENDED = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


def scalable(endpoint: str, variant: str) -> dict[str, Any]:
    """The keys that identify one variant in every request."""
    return {**_SPACE, "ResourceId": variant_resource(endpoint, variant)}


def register(endpoint: str, variant: str, scaling: Autoscaling) -> dict[str, Any]:
    """The request to register the variant, which also ends a suspension."""
    return {
        **scalable(endpoint, variant),
        "MinCapacity": scaling.min_instances,
        "MaxCapacity": scaling.max_instances,
        "SuspendedState": dict.fromkeys(_SUSPENDED, False),
    }


def put_policy(endpoint: str, variant: str, scaling: Autoscaling) -> dict[str, Any]:
    return {
        **scalable(endpoint, variant),
        "PolicyName": POLICY,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": scaling.invocations_per_instance_per_minute,
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
            "ScaleInCooldown": int(scaling.scale_in_cooldown_s),
            "ScaleOutCooldown": int(scaling.scale_out_cooldown_s),
            "DisableScaleIn": False,
        },
    }


def read_scaling(target: Mapping[str, Any], policies: Iterable[Mapping[str, Any]]) -> Autoscaling | None:
    """None unless there is exactly one active policy of ours: anything else is replaced."""
    if any(target.get("SuspendedState", {}).values()):
        return None
    every = list(policies)
    if len(every) != 1 or every[0].get("PolicyType") != "TargetTrackingScaling":
        return None
    rule = every[0].get("TargetTrackingScalingPolicyConfiguration", {})
    if rule.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType") != METRIC or rule.get(
        "DisableScaleIn"
    ):
        return None
    try:
        return Autoscaling(
            max_instances=target["MaxCapacity"],
            min_instances=target["MinCapacity"],
            invocations_per_instance_per_minute=rule["TargetValue"],
            scale_in_cooldown_s=rule.get("ScaleInCooldown", 300),
            scale_out_cooldown_s=rule.get("ScaleOutCooldown", 300),
        )
    except ValueError:
        return None
