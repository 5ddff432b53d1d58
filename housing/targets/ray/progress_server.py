"""Sends the metrics of each round to the process that submitted the job, and returns its decision whether to stop.

A running Ray task receives no messages, and an actor in between would cost several hops per round. So a job's worker
connects to its driver over TCP: a line of JSON each way, 0.1 ms on one machine.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from socketserver import StreamRequestHandler, ThreadingTCPServer

from housing.training.job import Progress

_CONNECT_WITHIN_S = 10


@dataclass(frozen=True)
class ProgressAddress:
    """Where a job reports its rounds; sent along with the job. Only the job and its driver know the token."""

    host: str
    port: int
    token: str

    def open(self) -> ProgressConnection:
        """Connect to the driver. Raises OSError when it cannot be reached."""
        return ProgressConnection(self)


class ProgressConnection:
    """A `Progress` that calls the driver's. Use as a context manager."""

    def __init__(self, address: ProgressAddress) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout=_CONNECT_WITHIN_S)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rwb")
        self._send(address.token)

    def __enter__(self) -> ProgressConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def __call__(self, number: int, metrics: Mapping[str, float]) -> bool:
        """Report a round; returns whether to stop. Raises RuntimeError when the driver is gone or fails."""
        self._send([number, dict(metrics)])
        answer = json.loads(self._file.readline() or b'{"error": "the process that asked for the job has gone"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return bool(answer["stop"])

    def _send(self, value: object) -> None:
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()


class ProgressServer:
    """The driver's side: receives the rounds of all its jobs, and calls each job's `progress` in its own thread."""

    def __init__(self, host: str) -> None:
        self._server = _Server((host, 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def register(self, progress: Progress) -> ProgressAddress:
        """The address for one job's rounds, until `unregister`."""
        host, port = self._server.socket.getsockname()
        token = secrets.token_hex(16)
        self._server.listeners[token] = progress
        return ProgressAddress(host, port, token)

    def unregister(self, address: ProgressAddress) -> None:
        """Remove a job that has ended."""
        self._server.listeners.pop(address.token, None)

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[StreamRequestHandler]) -> None:
        super().__init__(address, handler)
        self.listeners: dict[str, Progress] = {}

    def handle_error(self, _request: object, _address: object) -> None:
        """A broken connection means that the worker has died, which the future of its job reports."""


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        progress = self.server.listeners.get(json.loads(self.rfile.readline() or b'""'))
        if progress is None:
            return
        for line in self.rfile:
            number, metrics = json.loads(line)
            try:
                answer: dict[str, object] = {"stop": bool(progress(number, metrics))}
            except Exception as error:
                # The job must fail as if the error had been raised in its own process.
                answer = {"error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps(answer).encode() + b"\n")
