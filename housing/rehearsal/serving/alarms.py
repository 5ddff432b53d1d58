"""CloudWatch alarms on invocation metrics: evaluated here, because moto keeps alarms but never looks at them."""

from __future__ import annotations

import operator
import time
from collections.abc import Mapping
from typing import Any

from housing.rehearsal.serving.hosting import Hosting
from housing.rehearsal.serving.metering import LOAD, NAMESPACE, statistic

_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class Alarms:
    """Remembers the state in which it found each alarm.

    A state that somebody sets by hand so stays until the metrics change.
    """

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], str] = {}

    def evaluate(self, hosting: Hosting) -> None:
        """Set the state of every alarm whose metric has changed; one that is configured anew is evaluated anew."""
        client = hosting.context.client("cloudwatch")
        states: dict[tuple[str, str], str] = {}
        for page in client.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"]):
            for alarm in page["MetricAlarms"]:
                if alarm.get("Namespace") != NAMESPACE or alarm.get("ComparisonOperator") not in _COMPARISONS:
                    continue
                key = alarm["AlarmName"], str(alarm.get("AlarmConfigurationUpdatedTimestamp"))
                state = _state(alarm, hosting, time.time())
                if state is None:
                    continue
                states[key] = state
                reason = f"{alarm['MetricName']} of the last {alarm['EvaluationPeriods']} periods"
                if state != self._states.get(key, _state_before(alarm, state, reason)):
                    client.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)
        self._states = states


def _state_before(alarm: Mapping[str, Any], state: str, reason: str) -> str:
    """The state that an alarm is assumed to have been in before it is evaluated for the first time."""
    by_hand = alarm["StateValue"] == "ALARM" and alarm.get("StateReason") != reason
    return state if by_hand else str(alarm["StateValue"])


def _state(alarm: Mapping[str, Any], hosting: Hosting, now: float) -> str | None:
    """The alarm's state; None when data are missing and it is to stay as it is."""
    period_s = alarm["Period"] * hosting.context.settings.minute_s / 60
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
    # Without invocations SageMaker emits zeros of the metric that autoscaling follows.
    idle = alarm["MetricName"] == LOAD and hosting.router.fleet(dimensions.get("EndpointName", "")) is not None
    breaches: list[bool | None] = []
    for age in range(alarm["EvaluationPeriods"]):
        end = now - age * period_s
        values = hosting.meter.samples(alarm["MetricName"], dimensions, start=end - period_s, end=end)
        values = values or ([0.0] if idle else [])
        breaches.append(_breaches(alarm, values) if values else None)
    missing = alarm.get("TreatMissingData") or "missing"
    if missing in ("breaching", "notBreaching"):
        breaches = [missing == "breaching" if breach is None else breach for breach in breaches]
    elif all(breach is None for breach in breaches):
        return "INSUFFICIENT_DATA" if missing == "missing" else None
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    return "ALARM" if sum(breach is True for breach in breaches) >= needed else "OK"


def _breaches(alarm: Mapping[str, Any], values: list[float]) -> bool:
    value = statistic(values, alarm.get("ExtendedStatistic") or alarm["Statistic"])
    return bool(_COMPARISONS[alarm["ComparisonOperator"]](value, alarm["Threshold"]))
