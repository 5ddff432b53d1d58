"""Processes: those that must not outlive us, and by name, whether the one that left something behind still lives."""

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

# `cat` ends when this process lets go of its end of the pipe, as it does by dying; then the whole group goes. Signals
# that ask the group to end do not reach the watch, which must see to those that do not listen.
_WATCHED = (
    "exec 3<&0; { trap '' HUP INT TERM; cat <&3; kill -s KILL -- -$$; } >/dev/null 2>&1 & exec \"$@\" 3<&- </dev/null"
)

_LEAST_BYTES = 256 * 1024**2


class Dependent:
    """A process that ends when this one does, whatever ends it, and takes along all that it has started.

    It leads a process group of its own, so that Ctrl-C is for us; its standard input is empty. Linux could kill it with
    the thread that started it (PR_SET_PDEATHSIG), but neither its children, nor on other systems.
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
        """Send it to the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Nothing of it runs any more."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self._lifeline)


def process_tag() -> str:
    """This process, such that another one on this machine can tell later whether it lives: see `is_dead`."""
    return " ".join((_host(), _boot(), _namespace(), str(os.getpid()), _started(os.getpid()) or "-"))


def is_dead(process: str) -> bool:
    """Whether the process of a `process_tag` has surely ended; False where nobody here can know."""
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
    # A number is given again to later processes; the time of the start tells them apart.
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
    # The second field is the program's name in brackets, which may itself hold spaces and brackets.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else fields[18]


def require_memory() -> None:
    """Raises MemoryError, in the calling thread, where this process may not have what any command needs.

    A thread that dies of want of memory is waited for for ever (CPython's `Thread.start`), or takes the process along
    (glibc). Nothing is used: addresses are asked for and given back.
    """
    try:
        mmap.mmap(-1, _LEAST_BYTES).close()
    except OSError as error:
        raise MemoryError from error
