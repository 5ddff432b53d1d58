"""How traffic shifts from one fleet to another: the steps, how long each bakes, and the alarms that are watched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from housing.rehearsal.responses import refused

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

_LONGEST_S = 3600


@dataclass(frozen=True)
class Shifting:
    """`steps` are the new fleet's share after each step, the last being 1; each bakes for `wait_s` seconds.

    The old fleet is kept for another `termination_s` seconds; an update longer than `timeout_s` is rolled back.
    """

    steps: Sequence[float] = (1.0,)
    wait_s: float = 0
    termination_s: float = 0
    timeout_s: float = _LONGEST_S
    alarms: Sequence[str] = ()


def shifting(config: Mapping[str, Any] | None, instances: int) -> Shifting:
    """The steps of a checked DeploymentConfig; `instances` is the instance count of the new fleet."""
    if not config:
        return Shifting()
    alarms = [each["AlarmName"] for each in config.get("AutoRollbackConfiguration", {}).get("Alarms", [])]
    if rolling := config.get("RollingUpdatePolicy"):
        return Shifting(
            _stairs(_part(rolling["MaximumBatchSize"], instances)),
            rolling["WaitIntervalInSeconds"],
            timeout_s=rolling.get("MaximumExecutionTimeoutInSeconds", _LONGEST_S),
            alarms=alarms,
        )
    policy = config.get("BlueGreenUpdatePolicy")
    if policy is None:
        return Shifting(alarms=alarms)
    routing = policy["TrafficRoutingConfiguration"]
    steps: Sequence[float] = (1.0,)
    if routing["Type"] == "CANARY":
        steps = (_part(routing["CanarySize"], instances), 1.0)
    elif routing["Type"] == "LINEAR":
        steps = _stairs(_part(routing["LinearStepSize"], instances))
    return Shifting(
        steps,
        routing["WaitIntervalInSeconds"],
        policy.get("TerminationWaitInSeconds", 0),
        policy.get("MaximumExecutionTimeoutInSeconds", _LONGEST_S),
        alarms,
    )


def check(context: Context, config: Mapping[str, Any] | None, variants: Iterable[Record]) -> None:
    """ApiError for a DeploymentConfig that AWS refuses."""
    if not config:
        return
    if "BlueGreenUpdatePolicy" in config and "RollingUpdatePolicy" in config:
        raise refused("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    if any("ServerlessConfig" in variant for variant in variants):
        raise refused("DeploymentConfig is not supported for serverless variants.")
    instances = sum(variant["InitialInstanceCount"] for variant in variants)
    if "RollingUpdatePolicy" in config:
        size = config["RollingUpdatePolicy"]["MaximumBatchSize"]
        _check_size("MaximumBatchSize", size, instances, least=5, most=50)
    routing = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE"})
    for kind, member, least in (("CANARY", "CanarySize", 0), ("LINEAR", "LinearStepSize", 10)):
        if (routing["Type"] == kind) != (member in routing):
            raise refused(f"{member} must be given for traffic routing of type {kind}, and for no other.")
        if member in routing:
            _check_size(member, routing[member], instances, least=least, most=50)
    plan = shifting(config, instances)
    longest = len(plan.steps) * plan.wait_s + plan.termination_s
    if longest > plan.timeout_s:
        raise refused(
            f"MaximumExecutionTimeoutInSeconds ({plan.timeout_s}) must not be less than the waits of all steps and of "
            f"the termination together ({longest})."
        )
    if plan.alarms:
        known = {each["AlarmName"] for each in _alarms(context, plan.alarms)}
        if missing := [name for name in plan.alarms if name not in known]:
            raise refused(f"Could not find the CloudWatch alarm(s) {missing} of AutoRollbackConfiguration.")


def tripped(context: Context, alarms: Sequence[str]) -> list[str]:
    """The alarms that are in state ALARM."""
    return [each["AlarmName"] for each in _alarms(context, alarms) if each["StateValue"] == "ALARM"] if alarms else []


def _alarms(context: Context, names: Sequence[str]) -> list[Record]:
    answer = context.client("cloudwatch").describe_alarms(
        AlarmNames=list(names), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    return [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]


def _check_size(member: str, size: Record, instances: int, *, least: float, most: float) -> None:
    percent = 100 * _part(size, instances)
    if size["Type"] == "CAPACITY_PERCENT" and not least <= size["Value"] <= most:
        raise refused(f"{member}: must lie between {max(least, 1)} and {most} percent, got {size['Value']}.")
    if size["Type"] == "INSTANCE_COUNT" and percent > most and instances > 1:
        raise refused(f"{member}: {size['Value']} of {instances} instances are more than {most} percent.")


def _part(size: Record, instances: int) -> float:
    part = size["Value"] / 100 if size["Type"] == "CAPACITY_PERCENT" else size["Value"] / max(instances, 1)
    return min(1.0, float(part))


def _stairs(step: float) -> list[float]:
    return [min(1.0, step * count) for count in range(1, ceil(round(1 / step, 6)) + 1)]
