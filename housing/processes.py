"""Processes that must not outlive this one, and tags by which another process can tell whether this one is alive."""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

# `cat` ends when this process closes its end of the pipe, which also happens when it dies; then the whole group is
# killed. The watcher ignores signals that ask the group to end, for it must kill those that ignore them.
_WATCHED = (
    "exec 3<&0; { trap '' HUP INT TERM; cat <&3; kill -s KILL -- -$$; } >/dev/null 2>&1 & exec \"$@\" 3<&- </dev/null"
)

_LEAST_BYTES = 256 * 1024**2


class Dependent:
    """A process that ends when this one does, however it ends, together with all processes that it has started.

    It leads its own process group, so that Ctrl-C reaches only this process; its standard input is empty. Linux's
    PR_SET_PDEATHSIG would kill it with the thread that started it, but not its children, and other systems have no such
    thing.
    """

    def __init__(self, command: Sequence[str | Path], *, env: Mapping[str, str], **options: Any) -> None:
        """`options` are those of Popen; raises OSError as it does."""
        watched, self._lifeline = os.pipe()
        try:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHED, "sh", *command],
                env=env,
                stdin=watched,
                start_new_session=True,
                **options,
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(watched)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Kill the whole group, and wait for the process."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self._lifeline)


def process_tag() -> str:
    """A tag by which another process on this machine can tell later whether this one is alive: see `is_dead`."""
    return " ".join((_host(), _boot(), _namespace(), str(os.getpid()), _started(os.getpid()) or "-"))


def is_dead(process: str) -> bool:
    """Whether the process of a `process_tag` has certainly ended; False where that cannot be known."""
    try:
        host, boot, namespace, pid, started = process.split()
    except ValueError:
        return False
    if host != _host():
        return False
    if boot != _boot():
        return True
    # Another container of this machine may share the host's name; its process numbers mean nothing here.
    if namespace != _namespace():
        return False
    # Process numbers are reused; the start time tells processes of one number apart.
    import psutil

    return (_started(int(pid)) or "-") != started or not psutil.pid_exists(int(pid))


@cache
def _host() -> str:
    return "-".join(socket.gethostname().split()) or "-"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "-"


@cache
def _namespace() -> str:
    try:
        return Path("/proc/self/ns/pid").readlink().name
    except OSError:
        return "-"


def _started(pid: int) -> str | None:
    """Clock ticks between boot and the process's start; None when it has ended or the system does not tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may itself contain spaces and parentheses.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else fields[18]


def require_memory() -> None:
    """Raises MemoryError, in the calling thread, where this process may not allocate what any command needs.

    Otherwise a thread that runs out of memory at its start would be waited for for ever (CPython's `Thread.start`), or
    abort the process (glibc). Only address space is reserved, and released at once.
    """
    try:
        mmap.mmap(-1, _LEAST_BYTES).close()
    except OSError as error:
        raise MemoryError from error
