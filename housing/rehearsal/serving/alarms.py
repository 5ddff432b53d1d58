"""CloudWatch alarms on invocation metrics: evaluated here, because moto keeps alarms but never looks at them."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any

from housing.rehearsal.serving.hosting import Hosting
from housing.rehearsal.serving.metering import LOAD, NAMESPACE, statistic

_MOST_MISSED = 60
_COMPARISONS = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class Alarms:
    """Remembers the state in which it found each alarm.

    A state that was set by hand therefore stays until the metrics change.
    """

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], str] = {}
        self._evaluated_at: float | None = None

    def evaluate(self, hosting: Hosting) -> None:
        """Set every alarm's state that has changed according to its metric; a reconfigured one is evaluated afresh."""
        client = hosting.context.client("cloudwatch")
        states: dict[tuple[str, str], str] = {}
        now = hosting.context.clock.now()
        for page in client.get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"]):
            for alarm in page["MetricAlarms"]:
                if alarm.get("Namespace") != NAMESPACE or alarm.get("ComparisonOperator") not in _COMPARISONS:
                    continue
                key = alarm["AlarmName"], str(alarm.get("AlarmConfigurationUpdatedTimestamp"))
                for moment in self._moments(alarm, now):
                    state = _state(alarm, hosting, moment)
                    if state is None:
                        continue
                    if state == "ALARM":
                        hosting.rang_at[alarm["AlarmName"]] = now
                    reason = f"{alarm['MetricName']} of the last {alarm['EvaluationPeriods']} periods"
                    before = states.get(key) or self._states.get(key) or _state_before(alarm, state, reason)
                    states[key] = state
                    if state != before:
                        client.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue=state, StateReason=reason)
        self._states, self._evaluated_at = states, now

    def _moments(self, alarm: Mapping[str, Any], now: float) -> Iterator[float]:
        """The times at which to evaluate: more than one where whole periods have passed since the last evaluation."""
        period = alarm["Period"]
        missed = min(_MOST_MISSED, int((now - (self._evaluated_at or now)) // period))
        return (now - age * period for age in range(missed, -1, -1))


def _state_before(alarm: Mapping[str, Any], state: str, reason: str) -> str:
    """The state that an alarm is assumed to have been in before it is evaluated for the first time."""
    by_hand = alarm["StateValue"] == "ALARM" and alarm.get("StateReason") != reason
    return state if by_hand else str(alarm["StateValue"])


def _state(alarm: Mapping[str, Any], hosting: Hosting, now: float) -> str | None:
    """The alarm's state; None when data are missing and it is to stay unchanged."""
    period_s = alarm["Period"]
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
    # Without invocations SageMaker emits zeros for the metric that autoscaling tracks.
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
