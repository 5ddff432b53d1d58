"""What containers print, on its way to CloudWatch Logs."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

from housing.rehearsal.container.inference import Log

if TYPE_CHECKING:
    from housing.rehearsal.world import World

_EVENTS_A_CALL = 1_000
_LONGEST = 200_000


class OutputLogs:
    """Lines by group and stream; they are kept until `flush`. May be used from any thread."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._lines: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self._known: set[tuple[str, str]] = set()

    def stream(self, group: str, stream: str) -> Log:
        """What writes one line at a time to this stream, with the time at which it is written."""

        def log(line: str) -> None:
            with self._lock:
                self._lines.setdefault((group, stream), []).append((int(time.time() * 1000), line[:_LONGEST] or " "))

        return log

    def flush(self) -> None:
        with self._flushing:
            with self._lock:
                taken, self._lines = self._lines, {}
            for (group, stream), lines in taken.items():
                self._write(group, stream, lines)

    def _write(self, group: str, stream: str, lines: list[tuple[int, str]]) -> None:
        client: Any = self._world.client("logs")
        exists = client.exceptions.ResourceAlreadyExistsException
        if (group, stream) not in self._known:
            with contextlib.suppress(exists):
                client.create_log_group(logGroupName=group)
            with contextlib.suppress(exists):
                client.create_log_stream(logGroupName=group, logStreamName=stream)
            self._known.add((group, stream))
        for start in range(0, len(lines), _EVENTS_A_CALL):
            events = [{"timestamp": at, "message": line} for at, line in lines[start : start + _EVENTS_A_CALL]]
            client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
