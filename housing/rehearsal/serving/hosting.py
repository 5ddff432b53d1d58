"""What serving keeps in memory, for each world: traffic, meters, logs and captured requests, and who tends to them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from housing.rehearsal.api.operations import on_end
from housing.rehearsal.serving.capture import Captures
from housing.rehearsal.serving.metering import Meter
from housing.rehearsal.serving.output_logs import OutputLogs
from housing.rehearsal.serving.traffic import Fleet, Traffic, close

if TYPE_CHECKING:
    from housing.rehearsal.world import World

_TEND_EVERY_S = 0.5
_AT_ONCE = 8
_log = logging.getLogger(__name__)

Chore = Callable[["World", "Hosting"], None]
CHORES: list[Chore] = []
"""Done every half a second while endpoints are up."""


def chore(function: Chore) -> Chore:
    CHORES.append(function)
    return function


class Hosting:
    """Threads begin with the first endpoint, so that a world without endpoints has none."""

    def __init__(self, world: World) -> None:
        self.traffic = Traffic(world)
        self.meter = Meter(world)
        self.logs = OutputLogs(world)
        self.captures = Captures(world)
        self.background = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hosting")
        self._world = world
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._tending: threading.Thread | None = None

    def spawn(self, work: Callable[[], None], name: str) -> None:
        """Do work that may take long, such as a deployment, in a thread of its own; the end waits for it."""
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def tend(self) -> None:
        """See to it that the chores are done from now on."""
        with self._lock:
            if self._tending is None:
                self._tending = threading.Thread(target=self._tend, name="chores", daemon=True)
                self._tending.start()

    def end(self) -> None:
        """After the world's `ending` was set: let go of everything."""
        for thread in [*self._threads, *([self._tending] if self._tending else [])]:
            thread.join()
        self.background.shutdown()
        for endpoint in self.traffic.endpoints():
            for fleet in self.traffic.fleets(endpoint):
                close(fleet)
            self.traffic.remove(endpoint)
        self.publish()

    def publish(self) -> None:
        """Write what was gathered to where AWS's clients read it; what cannot be written, such as captured requests
        for a bucket that has gone, is lost, as it is on AWS.
        """
        for write in (self.logs.flush, self.meter.publish, self.captures.flush):
            try:
                write()
            except Exception:
                _log.exception("serving: what was gathered could not be written")

    def retire(self, fleet: Fleet) -> None:
        self.spawn(lambda: self.traffic.retire(fleet), "retiring")

    def _tend(self) -> None:
        while not self._world.ending.wait(_TEND_EVERY_S):
            self.publish()
            for each in CHORES:
                try:
                    each(self._world, self)
                except Exception:
                    _log.exception("serving: a chore failed; it is tried again")


_HOSTINGS: WeakKeyDictionary[World, Hosting] = WeakKeyDictionary()
_MAKING = threading.Lock()


def hosting(world: World) -> Hosting:
    """That of this world, made when it is first asked for."""
    with _MAKING:
        if world not in _HOSTINGS:
            _HOSTINGS[world] = Hosting(world)
        return _HOSTINGS[world]


@on_end
def _end(world: World) -> None:
    with _MAKING:
        ended = _HOSTINGS.pop(world, None)
    if ended is not None:
        ended.end()
