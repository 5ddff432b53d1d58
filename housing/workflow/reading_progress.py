"""Reports the progress of reading a large source: after a second, and then from time to time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from housing.data.told import Told

if TYPE_CHECKING:
    from housing.workflow.outcome import Reporter

_FIRST_S, _EVERY_S = 1.0, 5.0
_A_MINUTE = 60


class ReadingProgress(Told):
    """Reports what is read, and remarks at once."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._next = time.monotonic() + _FIRST_S
        self._first: tuple[float, float] | None = None

    def __call__(self, done: str, share: float) -> None:
        now = time.monotonic()
        # What went before, such as the digest of a file, says nothing of how fast its rows are read.
        self._first = self._first or (now, share)
        if now < self._next or share == 1:
            return
        self._next = now + _EVERY_S
        self._reporter.step("reading", f"{done}{self._left(now, share)}")

    def remark(self, text: str) -> None:
        self._reporter.step("data", text)

    def _left(self, now: float, share: float) -> str:
        if math.isnan(share) or self._first is None:
            return ""
        began, before = self._first
        if share <= before:
            return f", {share:.0%}"
        left = (now - began) * (1 - share) / (share - before)
        return f", {share:.0%}, about {_in_words(left)} left"


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _A_MINUTE else f"{seconds / _A_MINUTE:.0f} min"
