"""Alarms that watch an endpoint while it is updated: one for each variant, named `<endpoint>/<alarm>/<variant>`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from housing.deployment.spec import Alarm
from housing.targets.sagemaker.hosting.names import tags

NAMESPACE = "AWS/SageMaker"


def alarm_name(endpoint: str, alarm: str, variant: str) -> str:
    return f"{endpoint}/{alarm}/{variant}"


def names(endpoint: str, alarms: Iterable[str], variants: Iterable[str]) -> list[str]:
    """The names of all alarms of these variants."""
    every = list(variants)
    return [alarm_name(endpoint, alarm, variant) for alarm in alarms for variant in every]


def put_alarm(endpoint: str, name: str, variant: str, alarm: Alarm, *, own: Mapping[str, str]) -> dict[str, Any]:
    """The request for one alarm; periods without requests do not raise it."""
    return {
        "AlarmName": alarm_name(endpoint, name, variant),
        "AlarmDescription": _description(alarm),
        "Namespace": NAMESPACE,
        "MetricName": alarm.metric,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
        "Statistic": alarm.statistic,
        "Period": alarm.period_s,
        "EvaluationPeriods": alarm.periods,
        "Threshold": alarm.above,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Tags": tags(own),
    }


def read_alarms(endpoint: str, variants: Iterable[str], found: Iterable[Mapping[str, Any]]) -> dict[str, Alarm]:
    """The alarms that DescribeAlarms returns, by name; only those that exist, in our form, for every variant.

    Where the variants' alarms differ, the one returned is the one that was changed: its description differs.
    """
    wanted = set(variants)
    seen: dict[str, set[str]] = {}
    alarms: dict[str, Alarm] = {}
    for one in found:
        _, name, variant = one["AlarmName"].split("/", 2)
        alarm = _read(endpoint, variant, one)
        if alarm and variant in wanted:
            seen.setdefault(name, set()).add(variant)
            if name not in alarms or one.get("AlarmDescription") != _description(alarm):
                alarms[name] = alarm
    return {name: alarm for name, alarm in alarms.items() if seen[name] == wanted}


def _description(alarm: Alarm) -> str:
    return (
        f"housing takes back an update when {alarm.statistic} of {alarm.metric} is above {alarm.above:g} "
        f"in {alarm.periods} x {alarm.period_s} s"
    )


def _read(endpoint: str, variant: str, one: Mapping[str, Any]) -> Alarm | None:
    ours = put_alarm(endpoint, "", variant, Alarm("Invocations", above=0), own={})
    dimensions = {d["Name"]: d["Value"] for d in one.get("Dimensions", ())}
    if dimensions != {d["Name"]: d["Value"] for d in ours["Dimensions"]}:
        return None
    same = ("Namespace", "ComparisonOperator", "TreatMissingData")
    if any(one.get(key) != ours[key] for key in same) or one.get("ActionsEnabled") is False:
        return None
    if one.get("DatapointsToAlarm", one["EvaluationPeriods"]) != one["EvaluationPeriods"]:
        return None
    try:
        return Alarm(
            metric=one["MetricName"],
            above=one["Threshold"],
            statistic=one["Statistic"],
            period_s=one["Period"],
            periods=one["EvaluationPeriods"],
        )
    except (KeyError, ValueError):
        return None
