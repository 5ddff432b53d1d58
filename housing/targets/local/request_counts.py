"""The requests to a variant since the server started."""

from __future__ import annotations

import statistics
import time
from collections import deque

_WINDOW_S = 60


class RequestCounts:
    """Counts, and the load of the last minute that autoscaling follows."""

    def __init__(self) -> None:
        self.invocations = 0
        self.failures = 0
        self._latencies_s: deque[float] = deque(maxlen=1000)
        # (second, invocations in it), oldest first: bounded, however many requests a second come.
        self._seconds: deque[list[int]] = deque(maxlen=_WINDOW_S)

    def record(self, latency_s: float, *, failed: bool) -> None:
        self.invocations += 1
        self.failures += failed
        self._latencies_s.append(latency_s)
        second = int(time.monotonic())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0])
        self._seconds[-1][1] += 1

    def last_minute(self) -> int:
        oldest = int(time.monotonic()) - _WINDOW_S
        return sum(count for second, count in self._seconds if second > oldest)

    def median_latency_ms(self) -> float | None:
        """Of the last 1,000 answers; None before the first."""
        return statistics.median(self._latencies_s) * 1000 if self._latencies_s else None
