"""AWS's time, which runs `rehearsal.speed` times as fast as this machine's, to shorten minutes of waiting."""

from __future__ import annotations

import threading
import time

_STEP_S = 20.0
"""The longest interval between periodic checks, in AWS's time: a third of the shortest period of an alarm."""


class Clock:
    """AWS's time in seconds since the clock was made; for any thread. Only waits are shortened, never work."""

    def __init__(self, speed: float = 1) -> None:
        self._lock = threading.Lock()
        self._speed = speed
        self._began, self._passed = time.monotonic(), 0.0

    @property
    def speed(self) -> float:
        return self._speed

    def run_at(self, speed: float) -> None:
        """Change the speed from now on."""
        with self._lock:
            self._passed = self._now()
            self._began, self._speed = time.monotonic(), speed

    def now(self) -> float:
        with self._lock:
            return self._now()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for `seconds` of AWS's time; True when the event was set."""
        return event.wait(self.here(seconds))

    def here(self, seconds: float) -> float:
        """How many seconds of this machine's time `seconds` of AWS's are."""
        return seconds / self._speed

    def often(self, seconds: float) -> float:
        """The interval of a periodic check, in this machine's seconds; `seconds` is the interval at normal speed."""
        return min(seconds, _STEP_S / self._speed)

    def _now(self) -> float:
        return self._passed + (time.monotonic() - self._began) * self._speed
