"""AWS's time, `rehearsal.speed` times as fast as this machine's, so that minutes of waiting pass at once."""

from __future__ import annotations

import threading
import time

_STEP_S = 20.0
"""What happens meanwhile is looked at this often at least: a third of the shortest period of an alarm."""


class Clock:
    """Seconds since it began, of AWS's time; may be used from any thread. Only waits are shortened, never work."""

    def __init__(self, speed: float = 1) -> None:
        self._lock = threading.Lock()
        self._speed = speed
        self._began, self._passed = time.monotonic(), 0.0

    @property
    def speed(self) -> float:
        return self._speed

    def run_at(self, speed: float) -> None:
        """From now on."""
        with self._lock:
            self._passed = self._now()
            self._began, self._speed = time.monotonic(), speed

    def now(self) -> float:
        with self._lock:
            return self._now()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait so many seconds of AWS's; True where the event was set."""
        return event.wait(self.here(seconds))

    def here(self, seconds: float) -> float:
        """How long that is on this machine."""
        return seconds / self._speed

    def often(self, seconds: float) -> float:
        """How often to look, on this machine, for what is looked at every so many of its seconds at usual speed."""
        return min(seconds, _STEP_S / self._speed)

    def _now(self) -> float:
        return self._passed + (time.monotonic() - self._began) * self._speed
