"""What a terminal shows while Python imports: a spinner at once, and what is being loaded."""

from __future__ import annotations

import sys
import threading
from contextlib import suppress

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAME_S = 0.1
_ERASE = "\r\x1b[K"


class _Starting:
    """A spinner on stderr, shown only where that is a terminal."""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Show the first frame now, and go on until `end`."""
        if self._thread is None and sys.stderr.isatty() and not self._over.is_set():
            self._show(0)
            self._thread = threading.Thread(target=self._work, name="starting", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Erase it; call before anything else is written."""
        self._over.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
            with suppress(OSError):
                sys.stderr.write(_ERASE)
                sys.stderr.flush()

    def _work(self) -> None:
        number = 1
        with suppress(OSError, ValueError):  # the terminal has gone
            while not self._over.wait(_FRAME_S):
                self._show(number)
                number += 1

    def _show(self, number: int) -> None:
        loaded = "housing"
        with suppress(RuntimeError, StopIteration):  # something was imported meanwhile
            loaded = next(reversed(sys.modules)).partition(".")[0]
        sys.stderr.write(f"{_ERASE}{_FRAMES[number % len(_FRAMES)]} loading {loaded:.40}")
        sys.stderr.flush()


_OF_THIS_PROCESS = _Starting()
begin = _OF_THIS_PROCESS.begin
end = _OF_THIS_PROCESS.end
