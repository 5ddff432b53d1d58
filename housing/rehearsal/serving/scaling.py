"""Application Auto Scaling of variants: target tracking on the metrics of `metering`.

Minutes and cooldowns are those of the context's clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws.policy_alarms import IN_BELOW, IN_PERIODS, OUT_PERIODS
from housing.rehearsal.responses import ApiError
from housing.rehearsal.serving import scaling_activities
from housing.rehearsal.serving.endpoints import update_weights_and_capacities
from housing.rehearsal.serving.hosting import Hosting
from housing.rehearsal.serving.metering import LOAD, NAMESPACE, statistic
from housing.rehearsal.serving.scalable_targets import DIMENSION, METRIC, registered
from housing.rehearsal.serving.scalable_targets import NAMESPACE as SERVICE

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_MINUTE_S = 60
_COOLDOWN_S = 300


class Scaling:
    """Remembers when it last scaled each variant, for the cooldowns."""

    def __init__(self) -> None:
        self._scaled_at: dict[tuple[str, str], float] = {}

    def scale(self, hosting: Hosting) -> None:
        """Evaluate the policies of every scalable target, and change instance counts accordingly."""
        # Policies first: as none can exist before its target, one without a target has outlived it.
        policies = _policies(hosting.context)
        targets = registered(hosting.context)
        _delete_orphans(hosting.context, policies, {target["ResourceId"] for target in targets.values()})
        for (endpoint, variant), target in targets.items():
            fleet = hosting.router.fleet(endpoint)
            tracking = [
                policy
                for policy in policies
                if policy["ResourceId"] == target["ResourceId"] and policy["PolicyType"] == "TargetTrackingScaling"
            ]
            if fleet is None or variant not in fleet.variants or not tracking:
                continue
            now = fleet.variants[variant].instances
            if hosting.context.store.get("endpoint", endpoint)["EndpointStatus"] == "InService":
                scaling_activities.settle(hosting.context, target["ResourceId"], now)
            scaled_at = self._scaled_at.get((endpoint, variant), -math.inf)
            wanted = [_wanted(hosting, (endpoint, variant), policy, now, scaled_at) for policy in tracking]
            # As on AWS, the policy that asks for the most instances decides.
            count = min(max(*wanted, target["MinCapacity"]), target["MaxCapacity"])
            if count == now or _suspended(target, outwards=count > now):
                continue
            if _resize(hosting, endpoint, variant, count):
                self._scaled_at[endpoint, variant] = hosting.context.clock.now()
                cause = _cause(tracking[wanted.index(max(wanted))], target, outwards=count > now)
                scaling_activities.begin(hosting.context, target["ResourceId"], count, cause)


def _cause(policy: Mapping[str, Any], target: Mapping[str, Any], *, outwards: bool) -> str:
    """The cause, in Application Auto Scaling's words: the alarm that triggered the policy."""
    kind = "High" if outwards else "Low"
    names = [alarm["AlarmName"] for alarm in policy.get("Alarms", []) if f"-Alarm{kind}-" in alarm["AlarmName"]]
    if not names:
        return f"minimum capacity was set to {target['MinCapacity']}" if outwards else "maximum capacity was set"
    return f"monitor alarm {names[0]} in state ALARM triggered policy {policy['PolicyName']}"


def _policies(context: Context) -> list[Mapping[str, Any]]:
    pages = context.client("application-autoscaling").get_paginator("describe_scaling_policies")
    return [
        policy
        for page in pages.paginate(ServiceNamespace=SERVICE, ScalableDimension=DIMENSION)
        for policy in page["ScalingPolicies"]
    ]


def _delete_orphans(context: Context, policies: list[Mapping[str, Any]], targets: set[str]) -> None:
    """Delete policies whose target is gone, which moto leaves behind."""
    client = context.client("application-autoscaling")
    for policy in policies:
        if policy["ResourceId"] not in targets:
            client.delete_scaling_policy(
                PolicyName=policy["PolicyName"],
                ServiceNamespace=SERVICE,
                ResourceId=policy["ResourceId"],
                ScalableDimension=DIMENSION,
            )


def _wanted(hosting: Hosting, variant: tuple[str, str], whole: Mapping[str, Any], now: int, scaled_at: float) -> int:
    """How many instances a policy asks for, once the metric has been off its target for long enough."""
    policy = whole["TargetTrackingScalingPolicyConfiguration"]
    moment = hosting.context.clock.now()
    loads = [_load(hosting, variant, policy, moment - age * _MINUTE_S) for age in range(IN_PERIODS)]
    target = float(policy["TargetValue"])
    since_s = moment - scaled_at
    if all(load is not None and load > target for load in loads[:OUT_PERIODS]):
        wanted = math.ceil(now * (loads[0] or 0) / target)
        return wanted if since_s >= policy.get("ScaleOutCooldown", _COOLDOWN_S) else now
    # Without invocations SageMaker emits zeros, so that idle variants scale in.
    if not policy.get("DisableScaleIn", False) and all((load or 0) < target * IN_BELOW for load in loads):
        wanted = max(1, math.ceil(now * (loads[0] or 0) / target))
        return min(wanted, now) if since_s >= policy.get("ScaleInCooldown", _COOLDOWN_S) else now
    return now


def _load(hosting: Hosting, variant: tuple[str, str], policy: Mapping[str, Any], end: float) -> float | None:
    """The metric that a policy tracks, over the minute before `end`; None without data, and for metrics of others."""
    dimensions = dict(zip(("EndpointName", "VariantName"), variant, strict=True))
    metric, name = LOAD, "Sum"
    if custom := policy.get("CustomizedMetricSpecification"):
        if custom.get("Namespace") != NAMESPACE:
            return None
        metric, name = custom["MetricName"], custom["Statistic"]
        dimensions = {each["Name"]: each["Value"] for each in custom.get("Dimensions", [])}
    elif policy["PredefinedMetricSpecification"]["PredefinedMetricType"] != METRIC:
        return None
    values = hosting.meter.samples(metric, dimensions, start=end - _MINUTE_S, end=end)
    return statistic(values, name) if values else None


def _suspended(target: Mapping[str, Any], *, outwards: bool) -> bool:
    state = target.get("SuspendedState") or {}
    return bool(state.get("DynamicScalingOutSuspended" if outwards else "DynamicScalingInSuspended"))


def _resize(hosting: Hosting, endpoint: str, variant: str, count: int) -> bool:
    """False while the endpoint is being changed otherwise; it is tried again later."""
    desired = [{"VariantName": variant, "DesiredInstanceCount": count}]
    try:
        update_weights_and_capacities(hosting, {"EndpointName": endpoint, "DesiredWeightsAndCapacities": desired})
    except ApiError:
        return False
    return True
