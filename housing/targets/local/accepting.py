"""The server's connections: a part of them is for its responders, and some of those come back."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn

from housing.targets.local.direct import DirectHttp
from housing.targets.local.peers import is_stranger
from housing.targets.local.responders import Adopt, Responders


class AcceptingHttp(DirectHttp):
    """`config.app.state.responders` take a part of them.

    `variant` and `read` are of a connection that a responder has handed back: what was drawn for its request, and the
    bytes that were read of it.
    """

    def __init__(self, *args: Any, variant: str | None = None, read: bytes | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._responders: Responders = self.config.app.state.responders  # type: ignore[union-attr]
        self._returned = None if read is None else (variant, read)
        self._is_given = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if self._returned is None and self._gives(transport):
            self._is_given = True
            transport.abort()  # the responder has it: here it is let go, not closed
            return
        super().connection_made(transport)
        if self._returned is not None and not transport.is_closing():
            # Before anything else is read of it.
            self._drawn, read = self._returned
            self.data_received(read)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_given:
            super().connection_lost(exc)

    def _gives(self, transport: asyncio.Transport) -> bool:
        if not self._responders.are_open:
            return False
        connection = transport.get_extra_info("socket")
        return not is_stranger(connection) and self._responders.give(connection.fileno(), len(self.connections))


def adopting(server: uvicorn.Server) -> Adopt:
    """What takes connections that a responder has handed back, for this server."""
    loop = asyncio.get_running_loop()
    working: set[asyncio.Task[Any]] = set()

    def adopt(connection: socket.socket, variant: str | None, read: bytes) -> None:
        def protocol() -> AcceptingHttp:
            return AcceptingHttp(server.config, server.server_state, {}, variant=variant, read=read)

        connection.setblocking(False)
        task = loop.create_task(loop.connect_accepted_socket(protocol, connection))
        working.add(task)
        task.add_done_callback(working.discard)

    return adopt
