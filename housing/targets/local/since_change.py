"""What the variants of an endpoint did since they began to answer together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from housing.targets.local.request_counts import RequestCounts


class SinceChange:
    """The requests and failures since `counted_since_s`, in seconds since 1970."""

    def __init__(self) -> None:
        self.counted_since_s = time.time()
        self._before: dict[str, list[int]] = {}

    def begin(self, counts: Mapping[str, RequestCounts]) -> None:
        """Of these variants, from now on."""
        self.counted_since_s = time.time()
        self._before = {name: [one.invocations, one.failures] for name, one in counts.items()}

    def leave_out(self, variant: str, taken: Mapping[str, Any]) -> None:
        """Requests from before, which another process tells of now."""
        if before := self._before.get(variant):
            before[0] += taken["invocations"]
            before[1] += taken["failures"]

    def told(self, since_s: float, counts: Mapping[str, RequestCounts]) -> dict[str, Any]:
        """The fields of an EndpointStatus's `test`, as JSON values."""
        before = {name: self._before.get(name, [0, 0]) for name in counts}
        return {
            "since_s": since_s,
            "counted_since_s": self.counted_since_s,
            "requests": {name: one.invocations - before[name][0] for name, one in counts.items()},
            "failures": {name: one.failures - before[name][1] for name, one in counts.items()},
        }
