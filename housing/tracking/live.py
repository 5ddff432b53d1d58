"""Writes the rounds of running jobs to their runs; reporting a round never waits for the record."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from housing.errors import TrackingError

if TYPE_CHECKING:
    from housing.tracking.runs import Round, Runs

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class LiveRounds:
    """Writes rounds from its own thread: one call per run for all rounds that have arrived meanwhile.

    Rounds that could not be written are tried again after a pause, with the same times, so that none is logged twice;
    those still waiting when the run ends are left to `Runs.record`, which writes every missing round. While the record
    is unreachable, only the live view of a running job is lost.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._waiting: dict[str, list[Round]] = {}
        self._changed = threading.Condition()
        self._writing: str | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def note(self, run_id: str, number: int, metrics: Mapping[str, float]) -> None:
        """A job has finished a round (counted from 0). Returns at once."""
        with self._changed:
            self._waiting.setdefault(run_id, []).append((number, dict(metrics), int(time.time() * 1000)))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="rounds", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settle(self, run_id: str) -> None:
        """Wait until nothing of this run is being written from here, and drop its waiting rounds."""
        with self._changed:
            self._changed.wait_for(lambda: self._writing != run_id)
            self._waiting.pop(run_id, None)

    def close(self) -> None:
        """End the thread; waiting rounds are dropped."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _work(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while (some := self._next()) is not None:
            run_id, rounds = some
            written = False
            with suppress(TrackingError):
                self._runs.log_rounds(run_id, rounds)
                written, pause_s = True, _FIRST_PAUSE_S
            with self._changed:
                self._writing = None
                self._changed.notify_all()
                if not written:
                    # In order, so that readers see no gap.
                    self._waiting[run_id] = rounds + self._waiting.pop(run_id, [])
                    self._changed.wait_for(lambda: self._closed, timeout=pause_s)
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _next(self) -> tuple[str, list[Round]] | None:
        """A run and its rounds, for this thread to write; None when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._waiting))
            if self._closed:
                return None
            self._writing = next(iter(self._waiting))
            return self._writing, self._waiting.pop(self._writing)
