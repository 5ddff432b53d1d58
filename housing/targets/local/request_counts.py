"""The requests to a variant since the server started."""

from __future__ import annotations

import bisect
import statistics
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

_WINDOW_S = 60
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the latency histogram; one more bucket is for longer calls."""


class RequestCounts:
    """Counts, and the load of the last minute, which autoscaling tracks."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.invocations = 0
        self.failures = 0
        self.server_errors = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS_S) + 1)
        self._latencies_s: deque[float] = deque(maxlen=1000)
        # (second, invocations in it), oldest first: bounded, whatever the request rate.
        self._seconds: deque[list[int]] = deque(maxlen=_WINDOW_S)

    def record(self, latency_s: float, *, failed: bool, refused: bool = False) -> None:
        """Count a request; `refused`: it failed by the client's fault, which is not a server error."""
        self.invocations += 1
        self.failures += failed
        self.server_errors += failed and not refused
        self.seconds += latency_s
        self.buckets[bisect.bisect_left(BUCKETS_S, latency_s)] += 1
        self._latencies_s.append(latency_s)
        # The clock of all processes since the system started.
        second = int(time.monotonic())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0])
        self._seconds[-1][1] += 1

    def taken(self) -> dict[str, Any]:
        """Everything until now as JSON values, for `add` in another process; the counts begin anew."""
        found = {
            "invocations": self.invocations,
            "failures": self.failures,
            "server_errors": self.server_errors,
            "seconds": self.seconds,
            "buckets": self.buckets,
            "latencies_s": list(self._latencies_s),
            "by_second": list(self._seconds),
        }
        self._begin()
        return found

    def add(self, taken: Mapping[str, Any]) -> None:
        """What another process has counted."""
        self.invocations += taken["invocations"]
        self.failures += taken["failures"]
        self.server_errors += taken["server_errors"]
        self.seconds += taken["seconds"]
        self.buckets = [ours + theirs for ours, theirs in zip(self.buckets, taken["buckets"], strict=True)]
        self._latencies_s.extend(taken["latencies_s"])
        by_second: dict[int, int] = {second: count for second, count in self._seconds}  # noqa: C416
        for second, count in taken["by_second"]:
            by_second[second] = by_second.get(second, 0) + count
        self._seconds.clear()
        self._seconds.extend([second, by_second[second]] for second in sorted(by_second))

    def last_minute(self) -> int:
        oldest = int(time.monotonic()) - _WINDOW_S
        return sum(count for second, count in self._seconds if second > oldest)

    def p99_latency_ms(self) -> float | None:
        """Of the last 1,000 answers; None before the first."""
        if not self._latencies_s:
            return None
        rising = sorted(self._latencies_s)
        return rising[min(len(rising) - 1, int(0.99 * len(rising)))] * 1000

    def median_latency_ms(self) -> float | None:
        """Of the last 1,000 answers; None before the first."""
        return statistics.median(self._latencies_s) * 1000 if self._latencies_s else None
