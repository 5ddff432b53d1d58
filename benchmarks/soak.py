"""One endpoint for a long time: `python -m benchmarks.soak [MINUTES]`, 20 by default.

Eight clients ask for one row each, together at 80 % of what the endpoint was found to answer at the beginning.
Meanwhile weights are changed and models replaced, instances are killed, 2,000 rows are asked at once, and clients send
their request in pieces. Everything is captured. A line a minute; exit code 1 where a request failed or memory grew.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np
import uvloop

from benchmarks import changes
from benchmarks.asking import below, load, message
from benchmarks.serving import _pss_mb
from housing.deployment.plan import plan, teardown
from housing.deployment.spec import Capture, Deployment, Variant
from housing.errors import DeploymentError
from housing.targets.local.host import LocalHost
from housing.targets.local.settings import Settings
from housing.targets.local.state import StateFolder
from housing.training.artifact import write_bundle

MINUTES, CLIENTS, COLUMNS, SHARE = 20.0, 8, 79, 0.8
_GROWTH = 1.1
_A, _B = "models:/price/1", "models:/price/2"


def _deployment(a: str, b: str, weight: float) -> Deployment:
    variants = {"champion": Variant(a, weight=weight, instances=2), "challenger": Variant(b)}
    return Deployment("soak", variants, capture=Capture(100))


_STEPS = [_deployment(_A, _B, 9), _deployment(_A, _B, 1), _deployment(_B, _A, 1), _deployment(_B, _A, 9)]


@dataclass
class Watched:
    """What happened since the last look, and in all."""

    latencies_s: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    memory_mb: list[float] = field(default_factory=list)

    def record(self, kind: str, answer: bytes) -> None:
        """An answer, its head included; or an empty one."""
        self.outcomes[kind] += 1
        if not answer.startswith(b"HTTP/1.1 200 "):
            self.failures[f"{kind}: {answer[:200].decode(errors='replace')}"] += 1


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    changes.COLUMNS = COLUMNS
    with TemporaryDirectory() as name:
        folder = Path(name)
        models = {_A: folder / "a", _B: folder / "b"}
        write_bundle(models[_A], changes._bundle(400))
        write_bundle(models[_B], changes._bundle(100))
        host = LocalHost(Settings(folder=str(folder / "state")))

        def deploy(wanted: Deployment) -> None:
            for action in plan(wanted, host.current("soak")):
                host.apply(action, models)

        try:
            deploy(_STEPS[0])
            status, address = host.status("soak"), StateFolder(folder / "state").address()
            assert status is not None
            assert address is not None
            path = urlsplit(status.url).path
            row = ",".join(f"{value:.4g}" for value in np.random.default_rng(0).normal(size=COLUMNS)).encode()
            most = load(address.port, path, row, pid=address.pid, seconds=5.0, connections=CLIENTS).rate
            print(f"load of the machine {os.getloadavg()[0]:.1f}; {most:.0f} requests/s at most, {SHARE:.0%} are asked")
            soak = _Soak(address.pid, address.port, path, row, SHARE * most, deploy)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(soak.run(60 * minutes))
        finally:
            for action in teardown("soak", host.current("soak")):
                host.apply(action, {})
    sys.exit(soak.verdict())


class _Soak:
    def __init__(
        self, pid: int, port: int, path: str, row: bytes, rate: float, deploy: Callable[[Deployment], None]
    ) -> None:
        self._pid, self._port, self._path, self._row, self._rate, self._deploy = pid, port, path, row, rate, deploy
        self._watched = Watched()
        self._ended = False
        self._steps = 0

    async def run(self, seconds: float) -> None:
        work = [asyncio.create_task(self._ask(number)) for number in range(CLIENTS)]
        every: dict[float, Callable[[], Awaitable[None]]] = {
            7.0: self._change,
            11.0: self._kill,
            3.0: self._large,
            2.0: self._slow,
        }
        work += [asyncio.create_task(self._again(pause_s, what)) for pause_s, what in every.items()]
        started = time.monotonic()
        while (left := started + seconds - time.monotonic()) > 0:
            await asyncio.sleep(min(60.0, left))
            self._tell(time.monotonic() - started)
        self._ended = True
        await asyncio.gather(*work)

    def verdict(self) -> int:
        """The exit code; says what was wrong."""
        watched = self._watched
        for failure, times in watched.failures.most_common(10):
            print(f"{times} times {failure}")
        third = max(1, len(watched.memory_mb) // 3)
        first, last = statistics.median(watched.memory_mb[:third]), statistics.median(watched.memory_mb[-third:])
        told = ", ".join(f"{times} {kind}" for kind, times in watched.outcomes.items())
        print(
            f"{told}, {self._steps} deployments: {watched.failures.total()} failed; memory {first:.0f} MB in the first "
            f"third, {last:.0f} MB in the last; load of the machine {os.getloadavg()[0]:.1f}"
        )
        return int(bool(watched.failures) or last > _GROWTH * first)

    def _tell(self, elapsed_s: float) -> None:
        watched = self._watched
        memory = 0.0
        for one in [self._pid, *below(self._pid)]:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # killed a moment ago
                memory += _pss_mb(one)
        watched.memory_mb.append(memory)
        latencies, watched.latencies_s = sorted(watched.latencies_s) or [0.0], []
        p99 = 1000 * latencies[int(0.99 * (len(latencies) - 1))]
        print(
            f"{elapsed_s / 60:5.1f} min  {len(latencies):7} rows  p99 {p99:6.1f} ms  {memory:5.0f} MB  "
            f"{watched.failures.total()} failed",
            flush=True,
        )

    async def _again(self, pause_s: float, what: Callable[[], Awaitable[None]]) -> None:
        while not self._ended:
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
            await what()

    async def _ask(self, number: int) -> None:
        """One row after another, at this client's part of the rate; what comes too late is left out."""
        asked, pause_s = message(self._path, self._row), CLIENTS / self._rate
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        at = time.monotonic() + number * pause_s / CLIENTS
        while not self._ended:
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            at = max(at + pause_s, time.monotonic())
            started = time.perf_counter()
            writer.write(asked)
            self._watched.record("rows", await _answer(reader))
            self._watched.latencies_s.append(time.perf_counter() - started)
        writer.close()

    async def _change(self) -> None:
        self._steps += 1
        try:
            await asyncio.to_thread(self._deploy, _STEPS[self._steps % len(_STEPS)])
        except DeploymentError:  # its new instance was the one that was killed
            self._watched.outcomes["deployments refused"] += 1

    async def _kill(self) -> None:
        instances = [two for one in below(self._pid)[:1] for two in below(one)]
        if instances:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(instances), signal.SIGKILL)
            self._watched.outcomes["killed instances"] += 1

    async def _large(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        writer.write(message(self._path, b"\n".join([self._row] * 2000)))
        self._watched.record("requests of 2,000 rows", await _answer(reader))
        writer.close()

    async def _slow(self) -> None:
        """Head and body in pieces, over ten seconds."""
        asked = message(self._path, self._row)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        pieces = 50
        for at in range(pieces):
            writer.write(asked[at * len(asked) // pieces : (at + 1) * len(asked) // pieces])
            await asyncio.sleep(10 / pieces)
        self._watched.record("slow requests", await _answer(reader))
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """The head; the body is read to its end. Nothing where the connection broke."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        return repr(error).encode()


if __name__ == "__main__":
    main()
