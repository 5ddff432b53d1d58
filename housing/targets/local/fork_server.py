"""The server's side of the process that workers are forked from."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys

from housing.errors import DeploymentError
from housing.processes import Dependent

_log = logging.getLogger(__name__)


class ForkServer:
    """The process that workers are forked from, restarted when it has died. Belongs to the running event loop.

    Workers end with the server's process, however that ends, even if they hang in a script's model.
    """

    def __init__(self) -> None:
        self._process: Dependent | None = None
        self._before: list[Dependent] = []
        self._control: socket.socket | None = None
        self._log_reader: asyncio.BaseTransport | None = None

    async def start_worker(self) -> socket.socket:
        """A connection to a new worker, which is closed when the worker cannot start. Raises DeploymentError."""
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(await self._running(), [b"w"], [theirs.fileno()])
        except OSError as error:
            raise DeploymentError(f"no worker process can be started: {error}") from error
        ours.setblocking(False)
        return ours

    def close(self) -> None:
        """End the process and all of its workers."""
        self._let_go()
        for process in self._before:
            process.close()

    def _let_go(self) -> None:
        """End only the process; its workers go on until `close`."""
        if self._control:
            self._control.close()
        if self._process:
            self._process.process.wait()
            self._before.append(self._process)
            self._process = None
        if self._log_reader:
            self._log_reader.close()

    async def _running(self) -> socket.socket:
        if self._control and self._process and self._process.process.poll() is None:
            return self._control
        self._let_go()
        self._control, theirs = socket.socketpair()
        reading, writing = os.pipe()
        # One thread each: instances are what runs in parallel, and idle OpenMP threads spin.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with theirs, open(writing, "wb") as log:  # noqa: PTH123
            self._process = Dependent(
                [sys.executable, "-P", "-m", "housing.targets.local.worker", str(theirs.fileno())],
                env=environment,
                pass_fds=[theirs.fileno()],
                stdout=log,
                stderr=log,
            )
        loop = asyncio.get_running_loop()
        self._log_reader, _ = await loop.connect_read_pipe(_ToLog, open(reading, "rb"))  # noqa: PTH123, SIM115
        return self._control


class _ToLog(asyncio.Protocol):
    """Passes what workers print to the server's log, which is bounded."""

    def data_received(self, data: bytes) -> None:
        for line in data.decode(errors="replace").splitlines():
            _log.info("worker: %s", line[:500])
