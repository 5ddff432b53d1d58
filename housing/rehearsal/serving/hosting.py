"""The in-memory state of serving: routes, metrics, logs, captured requests, and the threads that work on them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from housing.rehearsal.context import Context
from housing.rehearsal.serving.capture import Captures
from housing.rehearsal.serving.metering import Meter
from housing.rehearsal.serving.output_logs import OutputLogs
from housing.rehearsal.serving.routing import Fleet, Router, close

_PERIOD_S = 0.5
_BACKGROUND_THREADS = 8
_log = logging.getLogger(__name__)


class Hosting:
    """`periodic_tasks` run from the first endpoint on, every half second or more often where the clock is fast.

    Before that there are no threads.
    """

    def __init__(self, context: Context, periodic_tasks: Sequence[Callable[[Hosting], None]] = ()) -> None:
        self.context = context
        self.router = Router(context)
        self.meter = Meter(context)
        self.logs = OutputLogs(context)
        self.captures = Captures(context)
        self.rang_at: dict[str, float] = {}
        """When each alarm was last found in state ALARM, by the clock."""
        self.background = ThreadPoolExecutor(_BACKGROUND_THREADS, thread_name_prefix="hosting")
        self._periodic_tasks = tuple(periodic_tasks)
        self._lock = threading.Lock()
        self._ticking = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._periodic: threading.Thread | None = None

    def spawn(self, work: Callable[[], None], name: str) -> None:
        """Run work that may take long, such as a deployment, in its own thread; `close` waits for it."""
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def start_periodic_tasks(self) -> None:
        """Does nothing if they are running already."""
        with self._lock:
            if self._periodic is None:
                self._periodic = threading.Thread(target=self._run_periodically, name="periodic tasks", daemon=True)
                self._periodic.start()

    def close(self) -> None:
        """Wait for all threads, stop all machines and publish what was collected, once the context is ending."""
        for thread in [*self._threads, *([self._periodic] if self._periodic else [])]:
            thread.join()
        self.background.shutdown()
        for endpoint in self.router.endpoints():
            for fleet in self.router.fleets(endpoint):
                close(fleet)
            self.router.remove(endpoint)
        self.publish()

    def publish(self) -> None:
        """Write what was collected to where AWS clients read it.

        What cannot be written, such as captured requests for a bucket that was deleted, is lost, as on AWS.
        """
        for write in (self.logs.flush, self.meter.publish, self.captures.flush):
            try:
                write()
            except Exception:
                _log.exception("serving: what was collected could not be written")

    def retire(self, fleet: Fleet) -> None:
        """Close a fleet in the background."""
        self.spawn(lambda: self.router.retire(fleet), "retiring")

    def tick(self) -> None:
        """Publish what was collected, and run the periodic tasks once."""
        self.publish()
        with self._ticking:
            for task in self._periodic_tasks:
                try:
                    task(self)
                except Exception:
                    _log.exception("serving: a periodic task failed; it is tried again")

    def _run_periodically(self) -> None:
        while not self.context.ending.wait(self.context.clock.often(_PERIOD_S)):
            self.tick()
