"""The instances of one variant: worker processes behind one queue, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from housing.errors import DeploymentError, HousingError
from housing.targets.local.fork_server import ForkServer
from housing.targets.local.frames import HEADER, Answer, Ask, pack

# SageMaker gives a model 60 seconds to answer.
ANSWER_WITHIN_S = 60.0
_LOAD_WITHIN_S = 60.0
_QUEUE_LENGTH = 1000
_RESTART_DELAYS_S = (0.0, 0.1, 0.5, 2.0, 10.0)

_log = logging.getLogger(__name__)


class InstanceLostError(HousingError):
    """An instance ended before it answered."""


class OverloadedError(HousingError):
    """Too many requests wait for an instance."""


class _Instance(asyncio.Protocol):
    """The server's end of one worker; one request at a time."""

    def __init__(self, lost: Callable[[_Instance], None]) -> None:
        self.pid = 0
        self._lost = lost
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A connected stream is writable, though the type of uvloop's transports does not say so.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) < HEADER.size:
            return
        kind, length = HEADER.unpack_from(self._received)
        if len(self._received) < HEADER.size + length:
            return
        body = bytes(self._received[HEADER.size : HEADER.size + length])
        self._received.clear()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result((kind, body))

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(InstanceLostError("the instance ended before it answered"))
        self._lost(self)

    async def ask(self, kind: int, body: bytes, within_s: float) -> tuple[int, bytes]:
        """Raises InstanceLostError when the worker is gone, or takes longer than `within_s`: then it is ended."""
        if self._transport is None:
            raise InstanceLostError("the instance ended before it was asked")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(pack(kind, body))
        try:
            async with asyncio.timeout(within_s):
                return await self._waiting
        except TimeoutError:
            self.end()
            raise InstanceLostError(f"the instance gave no answer in {within_s:g} s") from None
        # After a cancellation the next request would read this one's answer.
        except asyncio.CancelledError:
            self.end()
            raise

    def end(self) -> None:
        """End it at once. Idle workers end by themselves; one that is computing, or hangs, must be killed."""
        if self._transport:
            self._transport.abort()
            if self.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)


class Fleet:
    """`ask` may be called by any number of tasks at once; `resize` and `close` by one at a time."""

    def __init__(self, fork_server: ForkServer, folder: Path) -> None:
        self._fork_server = fork_server
        self._folder = folder
        self._size = 0
        self._instances: set[_Instance] = set()
        self._idle: deque[_Instance] = deque()
        self._queue: deque[asyncio.Future[_Instance]] = deque()
        self._asking = 0
        self._quiet = asyncio.Event()
        self._failed_starts = 0
        self._restarts: set[asyncio.Task[None]] = set()

    @property
    def size(self) -> int:
        """The number of instances that should be live."""
        return self._size

    @property
    def live(self) -> int:
        """The number of instances that have loaded their model."""
        return len(self._instances)

    @property
    def pids(self) -> list[int]:
        return sorted(i.pid for i in self._instances)

    async def resize(self, size: int) -> None:
        """Returns when new instances answer; DeploymentError says why one does not, and leaves the size unchanged."""
        before, self._size = self._size, size
        missing = size - before
        if missing > 0:
            started = await asyncio.gather(*(self._start() for _ in range(missing)), return_exceptions=True)
            faults = [fault for fault in started if isinstance(fault, BaseException)]
            if faults:
                self._size = before
                self._shrink()
                raise faults[0]
        self._shrink()

    async def ask(self, kind: int, body: bytes) -> tuple[int, bytes]:
        """An Answer and its body. A request whose instance dies is tried once more, on another.

        Raises InstanceLostError if that fails, too, and OverloadedError when no instance becomes free.
        """
        self._asking += 1
        try:
            try:
                return await self._ask_one(kind, body)
            except InstanceLostError as error:
                _log.warning("%s; the request is tried again", error)
                return await self._ask_one(kind, body)
        finally:
            self._asking -= 1
            if not self._asking:
                self._quiet.set()

    async def close(self) -> None:
        """Let accepted requests finish, then end the instances."""
        while self._asking:
            self._quiet.clear()
            await self._quiet.wait()
        self._size = 0
        for task in self._restarts:
            task.cancel()
        await asyncio.gather(*self._restarts, return_exceptions=True)
        for instance in list(self._instances):
            instance.end()

    async def _ask_one(self, kind: int, body: bytes) -> tuple[int, bytes]:
        instance = await self._take()
        try:
            return await instance.ask(kind, body, ANSWER_WITHIN_S)
        finally:
            self._release(instance)

    async def _take(self) -> _Instance:
        if self._idle:
            return self._idle.popleft()
        if len(self._queue) >= _QUEUE_LENGTH:
            raise OverloadedError(f"{_QUEUE_LENGTH} requests are waiting for {self.live} instances")
        turn: asyncio.Future[_Instance] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await turn
        except (TimeoutError, asyncio.CancelledError) as error:
            # An instance may have become free just as the wait was given up.
            if turn.done() and not turn.cancelled():
                self._release(turn.result())
            if isinstance(error, TimeoutError):
                raise OverloadedError(f"no instance was free for {ANSWER_WITHIN_S:g} s") from None
            raise

    def _release(self, instance: _Instance) -> None:
        if instance not in self._instances:
            return
        if len(self._instances) > self._size:
            self._instances.discard(instance)
            instance.end()
            return
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(instance)
                return
        self._idle.append(instance)

    def _shrink(self) -> None:
        while len(self._instances) > self._size and self._idle:
            instance = self._idle.pop()
            self._instances.discard(instance)
            instance.end()

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        connection = await self._fork_server.start_worker()
        _, instance = await loop.create_unix_connection(lambda: _Instance(self._on_lost), sock=connection)
        try:
            kind, body = await instance.ask(Ask.LOAD, os.fsencode(self._folder), _LOAD_WITHIN_S)
        except InstanceLostError as error:
            raise DeploymentError(f"an instance could not start: {error}; see server.log") from error
        if kind != Answer.READY:
            instance.end()
            raise DeploymentError(f"the model cannot be loaded: {body.decode(errors='replace')}")
        instance.pid = int(body)
        self._instances.add(instance)
        self._release(instance)

    def _on_lost(self, instance: _Instance) -> None:
        if instance not in self._instances:
            return
        self._instances.discard(instance)
        if instance in self._idle:
            self._idle.remove(instance)
        if self.live < self._size:
            _log.warning("instance %d of %s ended; another is started", instance.pid, self._folder.name[:12])
            task = asyncio.get_running_loop().create_task(self._restart())
            self._restarts.add(task)
            task.add_done_callback(self._restarts.discard)

    async def _restart(self) -> None:
        """Start an instance, trying at growing intervals: what ended one may end the next, too."""
        while self.live < self._size:
            await asyncio.sleep(_RESTART_DELAYS_S[min(self._failed_starts, len(_RESTART_DELAYS_S) - 1)])
            try:
                await self._start()
            except DeploymentError as error:
                self._failed_starts += 1
                _log.error("%s", error)
            else:
                self._failed_starts = 0
                return


async def grow(fleets: Mapping[str, Fleet], instances: Mapping[str, int]) -> None:
    """Start all missing instances at once; DeploymentError lists every variant for which that failed."""
    names = list(fleets)
    results = await asyncio.gather(
        *(fleets[name].resize(max(instances[name], fleets[name].size)) for name in names), return_exceptions=True
    )
    faults = [f"{n}: {r}" for n, r in zip(names, results, strict=True) if isinstance(r, HousingError)]
    if faults:
        raise DeploymentError("; ".join(faults))
    for result in results:
        if isinstance(result, BaseException):
            raise result
