"""How far the reading of a large source is: told after a second, and then from time to time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from housing.workflow.outcome import Reporter

_FIRST_S, _EVERY_S = 1.0, 5.0
_A_MINUTE = 60


class ReadingProgress:
    """Called with what is done, and with its share of the source; see `data.prepared_file.Told`."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._began = time.monotonic()
        self._next = self._began + _FIRST_S

    def __call__(self, done: str, share: float) -> None:
        now = time.monotonic()
        if now < self._next or share == 1:
            return
        self._next = now + _EVERY_S
        self._reporter.step("reading", f"{done}{self._left(now, share)}")

    def _left(self, now: float, share: float) -> str:
        if not 0 < share < 1 or math.isnan(share):
            return ""
        left = (now - self._began) * (1 - share) / share
        return f", {share:.0%}, about {_in_words(left)} left"


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _A_MINUTE else f"{seconds / _A_MINUTE:.0f} min"
