"""`python -m housing`, and the console script; Ctrl-C at any moment ends it with one line and exit code 130."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from housing import interrupted

if TYPE_CHECKING:
    from types import FrameType

_AGAIN_AFTER_S = 0.01


def main() -> int:
    """Run a command and return its exit code; sets this process's signal handlers and hooks."""
    # Until the command has begun there is nothing to clean up, so an interrupt ends the process at once: imports may be
    # in any state, and some modules take a KeyboardInterrupt for a failed import.
    _on_interrupt(interrupted.EXIT_CODE, says=True)
    sys.unraisablehook = _deliver_again
    if sys.argv[1:3] == ["completion", "--words"]:
        # Called at each press of Tab, so nothing else is imported.
        from housing.cli.completion import candidates

        sys.stdout.write("".join(f"{each}\n" for each in candidates(sys.argv[3:])))
        return 0
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        from housing import starting

        starting.begin()
    from housing.cli.dispatch import main as run

    try:
        code = run()
    except KeyboardInterrupt:
        code = interrupted.EXIT_CODE
    # Only Python's own shutdown remains.
    _on_interrupt(code, says=False)
    return code


def _on_interrupt(code: int, *, says: bool) -> None:
    """Let SIGINT end the process at once, unless the parent had it ignored."""

    def end(_number: int, _frame: FrameType | None) -> None:
        if says and "--json" in sys.argv:
            os.write(1, interrupted.DOCUMENT.encode())
        if says:
            os.write(2, interrupted.SAID.encode())
        os._exit(code)

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, end)


def _deliver_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Send SIGINT again where it hit a destructor or a callback: Python would print the exception and go on."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    again = threading.Timer(_AGAIN_AFTER_S, os.kill, [os.getpid(), signal.SIGINT])
    again.daemon = True
    again.start()


if __name__ == "__main__":
    sys.exit(main())
