"""Uvicorn's fast HTTP protocol, with limits on the size and duration of request heads, and on connections.

Its refusals have SageMaker's form, as those of the application.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from housing.targets.local.peers import is_stranger
from housing.targets.local.refusals import refusal

MAX_CONNECTIONS = 1000
_HEAD_BYTES = 64 * 1024
_HEAD_WITHIN_S = 30.0
_READS_ON_S = 5.0
# A client that pauses longer than this within a body counts as idle.
_PAUSES_S = 1.0


class BoundedHttp(HttpToolsProtocol):
    """Refuses a client whose request line and headers are too long or too slow: the parser keeps all of them.

    When MAX_CONNECTIONS are open, a new one replaces the one that has been idle longest, and is refused only if all
    of them have a request in progress.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._too_slow: asyncio.TimerHandle | None = None
        self._is_refused = False
        self._heard_at = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if is_stranger(transport.get_extra_info("socket")):
            transport.abort()
            return
        self._expect_head()
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_complete()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if self._is_refused:
            return
        super().data_received(data)
        if self._too_slow:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self._refuse(431, f"request line and headers are larger than {_HEAD_BYTES} bytes")

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Whether to keep the connection: a client may half-close it and wait for its answers."""
        last = self.pipeline[0][0] if self.pipeline else self.cycle
        if last is None or last.response_complete or last.more_body:
            return None
        last.keep_alive = False
        return True

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_is_complete()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if not self._too_slow:
            self._head_bytes = 0
            self._too_slow = self.loop.call_later(_HEAD_WITHIN_S, self._give_up_head)

    def _give_up_head(self) -> None:
        if self._head_bytes:
            self._refuse(408, f"the request line and headers did not arrive in {_HEAD_WITHIN_S:g} s")
        else:
            self.transport.close()

    def _head_is_complete(self) -> None:
        if self._too_slow:
            self._too_slow.cancel()
            self._too_slow = None

    def _make_room(self) -> None:
        now = self.loop.time()
        others = [cast(BoundedHttp, other) for other in self.connections if other is not self]
        idle = [other for other in others if not other.transport.is_closing() and other._is_idle(now)]
        if idle:
            # Not `close`, which would wait for a client that may never read.
            min(idle, key=lambda other: other._heard_at).transport.abort()
        elif sum(not other.transport.is_closing() for other in others) >= MAX_CONNECTIONS:
            self._refuse(503, f"all of {MAX_CONNECTIONS} connections have a request at work; try again later")

    def _is_idle(self, now: float) -> bool:
        """Whether no complete request is being answered: none has begun, or the client pauses within one."""
        if self.cycle is None or self.cycle.response_complete or self._too_slow:
            return not self.pipeline
        return self.cycle.more_body and now - self._heard_at > _PAUSES_S

    def _refuse(self, status: int, message: str) -> None:
        """Answer, and read on for a while: closing while bytes arrive would reset the connection, losing the answer."""
        self._is_refused = True
        self._head_is_complete()
        if self.transport.is_closing():
            return
        headers, body = refusal(status, message)
        headers |= {"content-length": str(len(body)), "connection": "close"}
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{key}: {value}" for key, value in headers.items()),
        ]
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.transport.write_eof()
        self.loop.call_later(_READS_ON_S, self.transport.abort)
