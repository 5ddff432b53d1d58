"""How traffic shifts to new variants step by step, and when it is rolled back: by the endpoint's own metrics.

The alarms of a deployment file are SageMaker's, and mean the same here: errors are counts, latencies microseconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from housing.deployment.spec import Alarm, Update
from housing.targets.local.request_counts import RequestCounts

_LOOKS_EVERY_S = 0.1
_MICROSECONDS = 1e6
_MOST_CALLS = 200_000


@dataclass(frozen=True)
class _Call:
    at_s: float
    latency_s: float
    refused: bool
    failed: bool


class WatchedCounts(RequestCounts):
    """The calls to a new variant, one by one; they also count for the variant that it replaces."""

    def __init__(self, follows: RequestCounts) -> None:
        super().__init__()
        self._follows = follows
        self.calls: deque[_Call] = deque(maxlen=_MOST_CALLS)

    def record(self, latency_s: float, *, failed: bool, refused: bool = False) -> None:
        """See `RequestCounts.record`."""
        super().record(latency_s, failed=failed, refused=refused)
        self._follows.record(latency_s, failed=failed, refused=refused)
        self.calls.append(_Call(time.monotonic(), latency_s, failed and refused, failed and not refused))


def steps_of(update: Update) -> Sequence[tuple[float, float]]:
    """For each step: the new variants' share of the traffic, and for how many seconds the alarms are watched."""
    part = update.step_percent / 100
    shares = {
        "all_at_once": [1.0],
        "canary": [part, 1.0],
        "linear": [min(1.0, part * step) for step in range(1, update.steps + 1)],
    }[update.strategy]
    return [(share, update.wait_s) for share in shares[:-1]] + [(shares[-1], update.bake_s)]


async def bake(update: Update, counts: Mapping[str, WatchedCounts], seconds: float) -> str | None:
    """Watch the alarms for `seconds`; returns which one rang, None if none did."""
    until = time.monotonic() + seconds
    while True:
        now = time.monotonic()
        if rang := ringing(update.alarms, counts, now):
            return rang
        if now >= until:
            return None
        await asyncio.sleep(min(_LOOKS_EVERY_S, until - now))


def ringing(alarms: Mapping[str, Alarm], counts: Mapping[str, WatchedCounts], now_s: float) -> str | None:
    """A description of the first alarm that rings. Its periods end now; a period without calls does not count."""
    for name, alarm in alarms.items():
        for variant, watched in counts.items():
            ends = [now_s - back * alarm.period_s for back in range(alarm.periods)]
            values = [_value(alarm, _between(watched.calls, end - alarm.period_s, end)) for end in ends]
            if all(value is not None and value > alarm.above for value in values):
                told = f"{alarm.statistic} of {alarm.metric} is {values[0]:,.6g}, and more than {alarm.above:,g}"
                return f"alarm {name} of {variant}: {told}"
    return None


def _between(calls: Sequence[_Call] | deque[_Call], start_s: float, end_s: float) -> list[_Call]:
    return [call for call in calls if start_s < call.at_s <= end_s]


_METRICS: Mapping[str, Callable[[_Call], float]] = {
    "Invocations": lambda _: 1.0,
    "Invocation4XXErrors": lambda call: float(call.refused),
    "Invocation5XXErrors": lambda call: float(call.failed),
    "ModelLatency": lambda call: call.latency_s * _MICROSECONDS,
}

MEASURED = tuple(_METRICS)
"""The metrics that the local host measures."""


def _value(alarm: Alarm, calls: Sequence[_Call]) -> float | None:
    if not calls:
        return None
    values = [_METRICS[alarm.metric](call) for call in calls]
    return {
        "Average": sum(values) / len(values),
        "Maximum": max(values),
        "Minimum": min(values),
        "SampleCount": float(len(values)),
        "Sum": sum(values),
    }[alarm.statistic]
