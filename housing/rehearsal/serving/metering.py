"""Invocation metrics: collected per request, published to CloudWatch in batches, kept for alarms and scaling."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

NAMESPACE = "AWS/SageMaker"
LOAD = "InvocationsPerInstance"
"""The metric that autoscaling tracks."""

_SLOT_S = 0.1
_KEPT_MINUTES = 60
_DATA_A_CALL = 500
_UNITS = {
    **dict.fromkeys(("ModelLatency", "OverheadLatency", "ModelSetupTime"), "Microseconds"),
    **dict.fromkeys(("TimeInBacklog", "TotalProcessingTime"), "Milliseconds"),
}
# CloudWatch's names of a series' dimensions, in the order of `Source`.
_DIMENSIONS = ("EndpointName", "VariantName", "EndpointConfigName")

Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Source:
    """The variant that answered; `config` distinguishes the two fleets of a deployment."""

    endpoint: str
    variant: str
    config: str

    def matches(self, dimensions: Mapping[str, str]) -> bool:
        own = dict(zip(_DIMENSIONS, (self.endpoint, self.variant, self.config), strict=True))
        return all(own.get(name) == value for name, value in dimensions.items())


class Meter:
    """Samples of the last 60 minutes by the clock, in slots of a tenth of a second. May be used from any thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._slots: dict[Source, dict[int, Samples]] = defaultdict(dict)
        self._unpublished: dict[Source, Samples] = {}

    def add(self, source: Source, samples: Mapping[str, float]) -> None:
        slot = int(self._context.clock.now() / _SLOT_S)
        with self._lock:
            for place in (
                self._slots[source].setdefault(slot, defaultdict(list)),
                self._unpublished.setdefault(source, defaultdict(list)),
            ):
                for name, value in samples.items():
                    place[name].append(value)

    def samples(self, metric: str, dimensions: Mapping[str, str], *, start: float, end: float) -> list[float]:
        """Values of `metric` in (start, end], seconds by the clock, from every source with these dimensions."""
        first, last = math.ceil(start / _SLOT_S), int(end / _SLOT_S)
        with self._lock:
            return [
                value
                for source, slots in self._slots.items()
                if source.matches(dimensions)
                for slot in _between(slots, first, last)
                for value in slots[slot].get(metric, ())
            ]

    def publish(self) -> None:
        """Publish what was collected since the last call, by variant.

        AWS publishes by configuration, too; not so here, as moto's GetMetricStatistics would add up the two.
        """
        with self._lock:
            taken, self._unpublished = self._unpublished, {}
            self._forget()
        if not taken:
            return
        now = datetime.now(UTC)
        whole: dict[tuple[str, ...], Samples] = defaultdict(lambda: defaultdict(list))
        for source, samples in taken.items():
            for name, values in samples.items():
                whole[source.endpoint, source.variant][name] += values
        data = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": n, "Value": v} for n, v in zip(_DIMENSIONS, key, strict=False)],
                "Timestamp": now,
                "Unit": _UNITS.get(name, "None"),
                "StatisticValues": _statistics(values),
            }
            for key, samples in whole.items()
            for name, values in samples.items()
        ]
        client = self._context.client("cloudwatch")
        for start in range(0, len(data), _DATA_A_CALL):
            client.put_metric_data(Namespace=NAMESPACE, MetricData=data[start : start + _DATA_A_CALL])

    def _forget(self) -> None:
        oldest = (self._context.clock.now() - _KEPT_MINUTES * 60) / _SLOT_S
        for source, slots in list(self._slots.items()):
            for slot in [slot for slot in slots if slot < oldest]:
                del slots[slot]
            if not slots:
                del self._slots[source]


def _between(slots: Mapping[int, Samples], first: int, last: int) -> Iterator[int]:
    """The slots in [first, last]: iterates over the slots or over the range, whichever is shorter."""
    if len(slots) < last - first:
        return (slot for slot in slots if first <= slot <= last)
    return (slot for slot in range(first, last + 1) if slot in slots)


def statistic(values: Sequence[float], name: str) -> float:
    """A statistic by CloudWatch's name, including percentiles such as `p99`; `values` must not be empty."""
    simple = {"Sum": sum, "Minimum": min, "Maximum": max, "SampleCount": len, "Average": fmean}
    if name in simple:
        return float(simple[name](values))  # type: ignore[operator]
    rank = float(name.removeprefix("p")) / 100 * (len(values) - 1)
    ordered = sorted(values)
    below = ordered[math.floor(rank)]
    return below + (ordered[math.ceil(rank)] - below) * (rank % 1)


def _statistics(values: Sequence[float]) -> dict[str, float]:
    return {"SampleCount": len(values), "Sum": sum(values), "Minimum": min(values), "Maximum": max(values)}
