"""Clients that ask one endpoint again and again, as cheaply as Python can: what they cost hides what a server costs."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import uvloop


@dataclass(frozen=True)
class Load:
    """What the server did: requests a second, latencies in milliseconds, its processor's microseconds a request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


def load(
    port: int,
    path: str,
    body: bytes,
    *,
    pid: int,
    seconds: float,
    connections: int = 16,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Ask the server `pid` on all connections at once, one request after another on each; all must be answered."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(
            load_here(port, path, body, pid=pid, seconds=seconds, connections=connections, headers=headers)
        )


def load_by_two(port: int, path: str, body: bytes, *, pid: int, seconds: float) -> Load:
    """The same by two processes of clients at once, where one would be the limit; latencies are of the slower one."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")) as pool:
        jobs = [pool.submit(load, port, path, body, pid=pid, seconds=seconds) for _ in range(2)]
        found = [job.result() for job in jobs]
    p50, p99 = (max(getattr(one, key) for one in found) for key in ("p50_ms", "p99_ms"))
    rate = sum(one.rate for one in found)
    # Each has counted all that the server did.
    return Load(rate, p50, p99, statistics.mean(one.cpu_us * one.rate for one in found) / rate)


async def load_here(
    port: int,
    path: str,
    body: bytes,
    *,
    pid: int,
    seconds: float,
    connections: int = 16,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """The same within a loop that runs."""
    loop = asyncio.get_running_loop()
    end, before = loop.time() + seconds, cpu_s(pid)
    clients = [_Client(message(path, body, headers), end, loop) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(client.ended for client in clients))
    latencies = sorted(1000 * one for client in clients for one in client.latencies_s)
    percentiles = statistics.quantiles(latencies, n=100)
    return Load(
        len(latencies) / seconds, percentiles[49], percentiles[98], 1e6 * (cpu_s(pid) - before) / len(latencies)
    )


def message(path: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """A request of CSV, with more headers if there are any."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n"
    more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    return f"{head}{more}\r\n".encode() + body


def cpu_s(pid: int) -> float:
    """Seconds of processor that a process and those below it have had."""
    ticks = 0
    for one in (pid, *below(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def below(pid: int) -> list[int]:
    """The children of a process, and theirs; of one that has ended, none."""
    try:
        children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [found for child in children for found in (child, *below(child))]


class _Client(asyncio.Protocol):
    def __init__(self, message: bytes, end: float, loop: asyncio.AbstractEventLoop) -> None:
        self.latencies_s: list[float] = []
        self.ended = loop.create_future()
        self._message, self._end = message, end
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        now = time.perf_counter()
        if not self._received.startswith(b"HTTP/1.1 200 "):
            self.ended.set_exception(AssertionError(self._received))
            return
        self.latencies_s.append(now - self._asked)
        if now < self._end:
            self._ask()
        else:
            self._transport.close()
            self.ended.set_result(None)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("the server closed the connection"))

    def _ask(self) -> None:
        self._received, self._asked = b"", time.perf_counter()
        self._transport.write(self._message)  # type: ignore[attr-defined]
