"""The fork server of containers: XGBoost is imported once, so that starting a job takes milliseconds.

`python -m housing.rehearsal.container.fork_server <fd>` reads the socket `fd`: each byte brings two descriptors, a
socket and the pipe for a container's log. Through its socket a container receives its configuration, one line of JSON,
and sends `pid <n>` and `at <round>`; once it has ended, this process sends `exit <code>`. When `fd` closes, all
containers are killed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from typing import Any

_WAITING = 1 << 16  # bytes of a job's description that are read at a time


def main(descriptor: int) -> None:
    _import()
    control = socket.socket(fileno=descriptor)
    waking, woken = os.pipe()
    for end in (waking, woken):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is the server's to handle
    children: dict[int, socket.socket] = {}
    ends: list[Any] = [control, waking]
    while True:
        ready, _, _ = select.select(ends, [], [])
        if waking in ready:
            os.read(waking, _WAITING)
            _reap(children)
        if control in ready:
            received, descriptors, _, _ = socket.recv_fds(control, 1, 2)
            if not received:
                break
            _fork(children, socket.socket(fileno=descriptors[0]), descriptors[1], [control.fileno(), waking, woken])
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _import() -> None:
    """Import what containers need: XGBoost without its scikit-learn interface, which takes longer than the rest."""
    unneeded = ("sklearn", "xgboost.plotting", "xgboost.sklearn")
    for name in unneeded:
        sys.modules[name] = None  # type: ignore[assignment]
    from housing.rehearsal.container import entry  # noqa: F401

    for name in unneeded:
        del sys.modules[name]
    gc.collect()
    gc.freeze()  # a collection in a container would copy every page that it shares with this process


def _reap(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # and all processes that the container started
        with children.pop(pid) as channel, contextlib.suppress(OSError):
            channel.sendall(f"exit {os.waitstatus_to_exitcode(status)}\n".encode())


def _fork(children: dict[int, socket.socket], channel: socket.socket, log: int, foreign: list[int]) -> None:
    pid = os.fork()
    if pid:
        os.close(log)
        children[pid] = channel
        return
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        for descriptor in [*foreign, *(sibling.fileno() for sibling in children.values())]:
            os.close(descriptor)
        for standard in (1, 2):
            os.dup2(log, standard)
        os.close(log)
        code = _run(channel)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def _run(channel: socket.socket) -> int:
    from housing.rehearsal.container import entry

    def report(message: str) -> None:
        channel.sendall(f"{message}\n".encode())

    report(f"pid {os.getpid()}")
    with channel.makefile("r", encoding="utf-8") as stream:
        config = json.loads(stream.readline())
    return entry.run(entry.ContainerConfig(**config), report)


if __name__ == "__main__":
    main(int(sys.argv[1]))
