"""The server's side of the processes that answer beside it: see `responder`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from housing.processes import Dependent
from housing.targets.local import connections
from housing.targets.local.routes import Route
from housing.targets.local.state import StateFolder

MOST_CONNECTIONS = 500
"""Of one responder; further ones stay with the server."""
_ANSWERS_WITHIN_S = 10.0
_STARTS_WITHIN_S = 60.0
_RESTARTS_AFTER_S = (0.1, 0.5, 2.0, 10.0)

_log = logging.getLogger(__name__)

Adopt = Callable[[socket.socket, str | None, bytes], None]
"""Takes a connection that was handed back, with the variant that was drawn and the bytes that were read."""
Count = Callable[[str, float, Mapping[str, Mapping[str, Any]]], None]
"""Takes what was counted of an endpoint: its name, since when, and the counts by variant."""


class _Responder:
    def __init__(self, process: Dependent, control: socket.socket, channel: socket.socket) -> None:
        self.process = process
        self.channel = channel
        self.returned = connections.Returned(channel)
        self.is_ready = False
        self._control = control
        self._given = self._open = self._taken = 0
        self._turn = asyncio.Lock()
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_unix_connection(sock=self._control)

    @property
    def connections(self) -> int:
        """How many it has, by what it said last and what it was given since."""
        return self._open + self._given - self._taken

    def give(self, connection: int) -> bool:
        is_given = self.connections < MOST_CONNECTIONS and connections.give(self.channel, connection)
        self._given += is_given
        return is_given

    async def tell(self, message: Mapping[str, Any], within_s: float) -> dict[str, Any]:
        """What it counted until it has done so. Raises OSError, ValueError and TimeoutError: then it is of no use."""
        async with self._turn, asyncio.timeout(within_s):
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()
            answer = json.loads(await self._reader.readline())
        self._open, self._taken = answer["open"], answer["taken"]
        counted: dict[str, Any] = answer["counted"]
        return counted


class Responders:
    """`give` them connections; `route` tells all of them what they may answer, before it returns."""

    def __init__(self, folder: StateFolder, count: Count) -> None:
        self.adopt: Adopt
        self._folder = folder
        self._count = count
        self._wanted = 0
        self._running: list[_Responder] = []
        self._routes: dict[str, Route] = {}
        self._failed = 0
        self._reaching = asyncio.Lock()
        self._working: set[asyncio.Task[None]] = set()

    @property
    def are_open(self) -> bool:
        """Whether any of them may take connections."""
        return bool(self._routes and self._running)

    async def resize(self, count: int) -> None:
        """Have so many of them: where they are fewer now, soon after it returns. Failures to start are in the log."""
        self._wanted = count
        reaching = self._in_background(self._reach())
        if len(self._running) > count:
            await reaching

    def give(self, connection: int, own: int) -> bool:
        """Whether one of them has taken a connection, by its file descriptor.

        `own` is the number of connections that this process has. Who has fewest is next; where they are about as many,
        chance decides, so that no habit of clients sends all of them to one process.
        """
        ready = [responder for responder in self._running if responder.is_ready]
        if not ready:
            return False
        least = min(ready, key=lambda responder: responder.connections)
        return least.connections + random.random() < own + random.random() and least.give(connection)

    async def route(self, routes: Mapping[str, Route]) -> None:
        """When it returns no responder answers otherwise."""
        self._routes = dict(routes)
        await self._tell_all({"routes": {name: route.to_json() for name, route in routes.items()}})

    async def collect(self) -> None:
        """Count what they have answered until now, and write what they have captured."""
        await self._tell_all({})

    async def close(self) -> None:
        """They hand back requests that have begun, and end."""
        self._wanted, running, self._running = 0, self._running, []
        for task in self._working:
            task.cancel()
        await asyncio.gather(*(self._end(responder) for responder in running))

    async def _tell_all(self, message: Mapping[str, Any]) -> None:
        await asyncio.gather(*(self._tell(responder, message) for responder in list(self._running)))

    async def _tell(
        self, responder: _Responder, message: Mapping[str, Any], within_s: float = _ANSWERS_WITHIN_S
    ) -> bool:
        """Whether it has done so; one that has not is no more."""
        try:
            counted = await responder.tell(message, within_s)
        except (OSError, ValueError, TimeoutError):
            self._lose(responder)
            return False
        for name, endpoint in counted.items():
            self._count(name, endpoint["counted_since_s"], endpoint["variants"])
        return True

    async def _reach(self) -> None:
        """As many as are wanted."""
        async with self._reaching:
            while len(self._running) > self._wanted:
                await self._end(self._running.pop())
            await asyncio.gather(*(self._start() for _ in range(self._wanted - len(self._running))))

    async def _start(self) -> None:
        try:
            responder = self._begun()
            await responder.connect()
        except OSError as error:
            _log.error("no responder can be started: %s", error)
            self._restart()
            return
        self._running.append(responder)
        asyncio.get_running_loop().add_reader(responder.channel.fileno(), self._adopt, responder)
        routes = {"routes": {name: route.to_json() for name, route in self._routes.items()}}
        if await self._tell(responder, routes, _STARTS_WITHIN_S):
            responder.is_ready, self._failed = True, 0

    def _begun(self) -> _Responder:
        (control, theirs), (channel, its) = socket.socketpair(), socket.socketpair()
        descriptors = theirs.fileno(), its.fileno()
        command = [sys.executable, "-P", "-m", "housing.targets.local.responder", *map(str, descriptors)]
        # Its answers are made by one thread, and idle OpenMP threads spin.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with theirs, its:
            process = Dependent([*command, str(self._folder.path)], env=environment, pass_fds=descriptors)
        return _Responder(process, control, channel)

    def _adopt(self, responder: _Responder) -> None:
        try:
            for connection, variant, read in responder.returned.read():
                self.adopt(connection, variant, read)
        except EOFError:
            asyncio.get_running_loop().remove_reader(responder.channel.fileno())
            self._lose(responder)

    def _lose(self, responder: _Responder) -> None:
        """It does not answer any more, whatever the reason; another takes its place."""
        if responder not in self._running:
            return
        self._running.remove(responder)
        _log.warning("responder %d is lost", responder.process.process.pid)
        self._let_go(responder)
        self._restart()

    def _restart(self) -> None:
        """After a while, longer and longer: what ended one may end the next, too."""
        delay_s = _RESTARTS_AFTER_S[min(self._failed, len(_RESTARTS_AFTER_S) - 1)]
        self._failed += 1

        async def again() -> None:
            await asyncio.sleep(delay_s)
            await self._reach()

        self._in_background(again())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def _end(self, responder: _Responder) -> None:
        with contextlib.suppress(OSError, ValueError, TimeoutError):
            for name, endpoint in (await responder.tell({"routes": {}, "ends": True}, _ANSWERS_WITHIN_S)).items():
                self._count(name, endpoint["counted_since_s"], endpoint["variants"])
            # What it hands back last is read until it closes its end.
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                while responder.process.process.poll() is None:
                    self._adopt_rest(responder)
                    await asyncio.sleep(0.01)
        self._adopt_rest(responder)
        self._let_go(responder)

    def _adopt_rest(self, responder: _Responder) -> None:
        with contextlib.suppress(EOFError, OSError):
            for connection, variant, read in responder.returned.read():
                self.adopt(connection, variant, read)

    def _let_go(self, responder: _Responder) -> None:
        with contextlib.suppress(OSError, ValueError):
            asyncio.get_running_loop().remove_reader(responder.channel.fileno())
        responder.returned.close()
        responder.process.close()
