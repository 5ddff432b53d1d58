"""A process that answers beside the server what can be answered at once.

`python -P -m housing.targets.local.responder CONTROL CONNECTIONS FOLDER`: two sockets to the server, by their file
descriptors, and the server's folder. Connections come from the server. One that asks for anything else than a few rows
of a compiled model goes back to it, with what was read of its request; so all other promises are kept in one place.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn
import uvloop

from housing.errors import HousingError
from housing.targets.local import immediate
from housing.targets.local.captures import Captures
from housing.targets.local.connections import received
from housing.targets.local.frames import Ask
from housing.targets.local.handing import HandingHttp
from housing.targets.local.immediate import Immediate
from housing.targets.local.request_counts import RequestCounts
from housing.targets.local.routes import Route, RoutedModel, Split


class RoutedEndpoint:
    """What `DirectHttp` asks of an endpoint."""

    def __init__(self, name: str, route: Route, models: Mapping[str, Immediate], captures: Captures) -> None:
        self.route = route
        self.counts = {variant: RequestCounts() for variant in models}
        self._name = name
        self._models = models
        self._split = Split(route.weights)
        self._captures = captures

    def pick(self, _drawn: str | None = None) -> str:
        """A variant, by the weights."""
        return self._split.draw()

    def answer_at_once(self, variant: str, kind: Ask, body: bytes) -> bytes | None:
        """None for what the server must say."""
        model = self._models.get(variant)
        if model is None:
            return None
        started = time.perf_counter()
        answer = model.answer(kind, body)
        if answer is None:
            return None
        self.counts[variant].record(time.perf_counter() - started, failed=False)
        self._captures.add_some(
            self.route.capture_percent,
            self._name,
            variant,
            rows=body,
            answer=answer,
            content_types=kind.content_types,
            model=self.route.models[variant].model,
        )
        return answer


class Responder:
    """Follows what the server says, until the server ends or says so."""

    def __init__(self, control: socket.socket, connections: socket.socket, folder: Path) -> None:
        self._control = control
        self._connections = connections
        self._captures = Captures(folder / "captures", later=asyncio.get_running_loop().call_later)
        self._models: dict[RoutedModel, Immediate] = {}
        self._taken = 0
        self.serving: dict[str, RoutedEndpoint] = {}
        app = SimpleNamespace(state=SimpleNamespace(endpoints=self, connections=connections))
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                http=HandingHttp,
                interface="asgi3",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )

    async def serve(self) -> None:
        """Returns when every connection is back, or has ended."""
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_unix_connection(sock=self._control)
        loop.add_reader(self._connections.fileno(), self._take)
        told = loop.create_task(self._follow(reader, writer))
        await self._server.serve(sockets=[])
        loop.remove_reader(self._connections.fileno())
        self._captures.close()
        told.cancel()
        writer.close()

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One answer to each line: what was counted until then, by endpoint."""
        while line := await reader.readline():
            told = json.loads(line)
            counted = self._counted()
            if "routes" in told:
                self._route({name: Route.from_json(route) for name, route in told["routes"].items()})
            self._captures.flush()
            open_now = len(self._server.server_state.connections)
            writer.write(json.dumps({"counted": counted, "taken": self._taken, "open": open_now}).encode() + b"\n")
            await writer.drain()
            if told.get("ends"):
                break
        self._server.should_exit = True

    def _counted(self) -> dict[str, Any]:
        return {
            name: {
                "counted_since_s": endpoint.route.counted_since_s,
                "variants": {v: counts.taken() for v, counts in endpoint.counts.items() if counts.invocations},
            }
            for name, endpoint in self.serving.items()
        }

    def _route(self, routes: Mapping[str, Route]) -> None:
        for name in self.serving.keys() - routes.keys():
            self._captures.leave(name)
        wanted = {model for route in routes.values() for model in route.models.values()}
        self._models = {model: found for model in wanted if (found := self._models.get(model) or _read(model))}
        self.serving = {
            name: RoutedEndpoint(
                name,
                route,
                {variant: self._models[model] for variant, model in route.models.items() if model in self._models},
                self._captures,
            )
            for name, route in routes.items()
        }

    def _take(self) -> None:
        """Connections from the server, one for each byte."""
        for connection in received(self._connections):
            self._taken += 1
            connection.setblocking(False)
            # Off for what the server has accepted; its answers are small, and would wait for each other.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asyncio.get_running_loop().create_task(self._begin(connection))

    async def _begin(self, connection: socket.socket) -> None:
        config, state = self._server.config, self._server.server_state
        await asyncio.get_running_loop().connect_accepted_socket(lambda: HandingHttp(config, state, {}), connection)


def _read(model: RoutedModel) -> Immediate | None:
    """None where the server must answer after all."""
    try:
        found = immediate.read(Path(model.bundle), Path(model.tables))
    except (OSError, ValueError, HousingError):
        return None
    return None if isinstance(found, str) else found


async def _main() -> None:
    control, connections = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    await Responder(control, connections, Path(sys.argv[3])).serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main())
