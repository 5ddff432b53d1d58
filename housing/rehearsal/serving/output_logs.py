"""Sends the output of containers to CloudWatch Logs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from housing.rehearsal.aws.log_stream import LogStream
from housing.rehearsal.container.inference import Log

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_LONGEST = 200_000  # characters of a line


class OutputLogs:
    """Lines by group and stream, kept until `flush`. May be used from any thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._lines: dict[tuple[str, str], list[tuple[int, str]]] = {}
        self._streams: dict[tuple[str, str], LogStream] = {}

    def stream(self, group: str, stream: str) -> Log:
        """A function that writes one line at a time to this stream, with the current time."""

        def log(line: str) -> None:
            with self._lock:
                self._lines.setdefault((group, stream), []).append((int(time.time() * 1000), line[:_LONGEST] or " "))

        return log

    def flush(self) -> None:
        with self._flushing:
            with self._lock:
                taken, self._lines = self._lines, {}
            for place, lines in taken.items():
                if place not in self._streams:
                    self._streams[place] = LogStream(self._context, *place)
                self._streams[place].write([{"timestamp": at, "message": line} for at, line in lines])
