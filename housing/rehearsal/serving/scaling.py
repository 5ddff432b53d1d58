"""Application Auto Scaling of variants: target tracking that acts on the load that was metered.

A minute is `minute_s` long, and cooldowns are counted in such minutes, so that a test can see it act.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from housing.rehearsal.answers import ApiError
from housing.rehearsal.serving.endpoints import update_weights_and_capacities
from housing.rehearsal.serving.hosting import Hosting, chore
from housing.rehearsal.serving.metering import NAMESPACE, statistic
from housing.rehearsal.serving.scalable_targets import DIMENSION, registered
from housing.rehearsal.serving.scalable_targets import NAMESPACE as SERVICE

if TYPE_CHECKING:
    from housing.rehearsal.world import World

_PREDEFINED = "SageMakerVariantInvocationsPerInstance"
_OUT_MINUTES = 3
_IN_MINUTES = 15
_IN_BELOW = 0.9
_COOLDOWN_S = 300
# By world, endpoint and variant: when it was last scaled.
_SCALED: WeakKeyDictionary[World, dict[tuple[str, str], float]] = WeakKeyDictionary()


@chore
def scale(world: World, host: Hosting) -> None:
    """Look at every scalable target, and change the counts that its policies ask to change."""
    # In this order: a policy cannot be there before its target, so one without a target has outlived it.
    policies = _policies(world)
    targets = registered(world)
    _drop_orphans(world, policies, {target["ResourceId"] for target in targets.values()})
    for (endpoint, variant), target in targets.items():
        fleet = host.traffic.fleet(endpoint)
        tracking = [
            policy["TargetTrackingScalingPolicyConfiguration"]
            for policy in policies
            if policy["ResourceId"] == target["ResourceId"] and policy["PolicyType"] == "TargetTrackingScaling"
        ]
        if fleet is None or variant not in fleet.variants or not tracking:
            continue
        now = fleet.variants[variant].instances
        wanted = [_wanted(world, host, (endpoint, variant), policy, now) for policy in tracking]
        # As AWS does: the policy that asks for most decides.
        count = min(max(*wanted, target["MinCapacity"]), target["MaxCapacity"])
        if count != now and not _suspended(target, outwards=count > now):
            _resize(world, endpoint, variant, count)


def _policies(world: World) -> list[Mapping[str, Any]]:
    pages = world.client("application-autoscaling").get_paginator("describe_scaling_policies")
    return [
        policy
        for page in pages.paginate(ServiceNamespace=SERVICE, ScalableDimension=DIMENSION)
        for policy in page["ScalingPolicies"]
    ]


def _drop_orphans(world: World, policies: list[Mapping[str, Any]], targets: set[str]) -> None:
    """Policies go with their target, which moto forgets."""
    client = world.client("application-autoscaling")
    for policy in policies:
        if policy["ResourceId"] not in targets:
            client.delete_scaling_policy(
                PolicyName=policy["PolicyName"],
                ServiceNamespace=SERVICE,
                ResourceId=policy["ResourceId"],
                ScalableDimension=DIMENSION,
            )


def _wanted(world: World, host: Hosting, place: tuple[str, str], policy: Mapping[str, Any], now: int) -> int:
    """How many instances a policy asks for: as many as bring each to its target, when it was off for long enough."""
    minute_s, moment = world.settings.minute_s, time.time()
    loads = [_load(host, place, policy, moment - age * minute_s, minute_s) for age in range(_IN_MINUTES)]
    target = float(policy["TargetValue"])
    since_s = (moment - _SCALED.get(world, {}).get(place, 0.0)) * 60 / minute_s
    if all(load is not None and load > target for load in loads[:_OUT_MINUTES]):
        wanted = math.ceil(now * (loads[0] or 0) / target)
        return wanted if since_s >= policy.get("ScaleOutCooldown", _COOLDOWN_S) else now
    # Without invocations SageMaker emits zeros, so that idle variants scale in.
    if not policy.get("DisableScaleIn", False) and all((load or 0) < target * _IN_BELOW for load in loads):
        wanted = max(1, math.ceil(now * (loads[0] or 0) / target))
        return min(wanted, now) if since_s >= policy.get("ScaleInCooldown", _COOLDOWN_S) else now
    return now


def _load(
    host: Hosting, place: tuple[str, str], policy: Mapping[str, Any], end: float, minute_s: float
) -> float | None:
    """The metric that a policy tracks, over one minute; None without data, and for metrics that are not ours."""
    dimensions = dict(zip(("EndpointName", "VariantName"), place, strict=True))
    metric, name = "InvocationsPerInstance", "Sum"
    if custom := policy.get("CustomizedMetricSpecification"):
        if custom.get("Namespace") != NAMESPACE:
            return None
        metric, name = custom["MetricName"], custom["Statistic"]
        dimensions = {each["Name"]: each["Value"] for each in custom.get("Dimensions", [])}
    elif policy["PredefinedMetricSpecification"]["PredefinedMetricType"] != _PREDEFINED:
        return None
    values = host.meter.samples(metric, dimensions, start=end - minute_s, end=end)
    return statistic(values, name) if values else None


def _suspended(target: Mapping[str, Any], *, outwards: bool) -> bool:
    state = target.get("SuspendedState") or {}
    return bool(state.get("DynamicScalingOutSuspended" if outwards else "DynamicScalingInSuspended"))


def _resize(world: World, endpoint: str, variant: str, count: int) -> None:
    desired = [{"VariantName": variant, "DesiredInstanceCount": count}]
    try:
        update_weights_and_capacities(world, {"EndpointName": endpoint, "DesiredWeightsAndCapacities": desired})
    except ApiError:
        return  # something else is under way at this endpoint: next time
    _SCALED.setdefault(world, {})[endpoint, variant] = time.time()
