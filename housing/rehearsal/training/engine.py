"""What Docker is to SageMaker: starts containers, reads their logs, ends them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from housing.rehearsal import environment
from housing.rehearsal.container.threads import ONE_THREAD

_BLOCK = 1 << 16


class Engine:
    """Containers are processes, forked from a fork server with their imports done; may be used from any thread.

    `log` is the fork server's own log.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._closed = False

    def start(self, config: Mapping[str, Any]) -> Container:
        """Start a container; `config` is a container.entry.ContainerConfig. RuntimeError once the engine is closed."""
        with self._lock:
            control = self._running()
            ours, theirs = socket.socketpair()
            reading, writing = os.pipe()
            container = Container(ours, reading)
            try:
                socket.send_fds(control, [b"c"], [theirs.fileno(), writing])
                ours.sendall(json.dumps(config).encode() + b"\n")
            except BaseException:
                container.close()
                raise
            finally:
                theirs.close()
                os.close(writing)
        return container

    def warm_up(self) -> None:
        """Start the fork server, so that its imports are done before the first job."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """Kill all containers; no more can be started."""
        with self._lock:
            self._closed = True
            if self._control and self._process:
                self._control.close()
                self._process.wait()
                self._control = self._process = None

    def _running(self) -> socket.socket:
        if self._closed:
            raise RuntimeError("the engine is closed")
        if self._control and self._process and self._process.poll() is None:
            return self._control
        if self._control:
            self._control.close()
        self._control, theirs = socket.socketpair()
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "housing.rehearsal.container.fork_server", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment.clean_for_python() | ONE_THREAD | {"PYTHONHASHSEED": "0"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self._control


class Container:
    """A container that runs or has ended; for one thread, except `signal`."""

    def __init__(self, channel: socket.socket, log: int) -> None:
        self._channel = channel
        self._log: int | None = log
        self._partial_message = b""
        self._partial_line = b""
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.paused_at: int | None = None

    def read(self, wait_s: float) -> list[str]:
        """The complete lines logged since the last call; waits up to `wait_s` seconds for one."""
        deadline = time.monotonic() + wait_s
        while not self.ended:
            open_ends: list[Any] = [self._log] if self._log is not None else []
            if self.exit_code is None:
                open_ends.append(self._channel)
            ready, _, _ = select.select(open_ends, [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                break
            if self._channel in ready:
                self._read_channel()
            if self._log in ready:
                self._read_log()
                break
            if self.paused_at is not None:
                break
        *lines, self._partial_line = self._partial_line.split(b"\n")
        if self.ended and self._partial_line:
            lines, self._partial_line = [*lines, self._partial_line], b""
        return [line.decode(errors="replace") for line in lines]

    @property
    def ended(self) -> bool:
        return self.exit_code is not None and self._log is None

    def signal(self, number: signal.Signals) -> None:
        """Send it to the container and every process it has started; does nothing once it has ended."""
        if self.pid is not None and self.exit_code is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def close(self) -> None:
        self.signal(signal.SIGKILL)
        self._channel.close()
        if self._log is not None:
            os.close(self._log)
            self._log = None

    def _read_channel(self) -> None:
        try:
            block = self._channel.recv(_BLOCK)
        except ConnectionResetError:  # it ended before it had read everything
            block = b""
        *lines, self._partial_message = (self._partial_message + block).split(b"\n")
        for line in lines:
            word, _, number = line.decode().partition(" ")
            if word == "pid":
                self.pid = int(number)
            elif word == "at":
                self.paused_at = int(number)
            else:
                self.exit_code = int(number)
        if not block and self.exit_code is None:
            self.exit_code = -signal.SIGKILL  # the fork server has ended, which ends its containers

    def _read_log(self) -> None:
        assert self._log is not None
        block = os.read(self._log, _BLOCK)
        self._partial_line += block
        if not block:
            os.close(self._log)
            self._log = None
