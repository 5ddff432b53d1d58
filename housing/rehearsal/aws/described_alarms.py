"""DescribeAlarms as CloudWatch answers it: every filter counts, and composite alarms only when they are asked for.

moto applies only the first filter that it finds: with AlarmNames it would ignore a state filter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_METRIC, _COMPOSITE = "MetricAlarm", "CompositeAlarm"


def correct() -> None:
    """Patch moto to answer so, in this process."""
    from moto.cloudwatch.responses import CloudWatchResponse

    CloudWatchResponse.describe_alarms = _describe_alarms


def _describe_alarms(self: Any) -> Any:
    from moto.core.responses import ActionResult

    types = self._get_param("AlarmTypes") or [_METRIC]
    found = [*_matching(self)]
    return ActionResult(
        {
            "MetricAlarms": [a for a in found if a.rule is None and _METRIC in types],
            "CompositeAlarms": [a for a in found if a.rule is not None and _COMPOSITE in types],
        }
    )


def _matching(response: Any) -> Iterator[Any]:
    names = response._get_param("AlarmNames")
    prefix = response._get_param("AlarmNamePrefix") or ""
    state = response._get_param("StateValue")
    action = response._get_param("ActionPrefix")
    for alarm in response.cloudwatch_backend.describe_alarms():
        if (
            (not names or alarm.name in names)
            and alarm.name.startswith(prefix)
            and (not state or alarm.state_value == state)
            and (not action or any(one.startswith(action) for one in alarm.alarm_actions))
        ):
            yield alarm
