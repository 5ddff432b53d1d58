"""Uvicorn's fast HTTP protocol, with bounds on what a client may send before its request is known."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES = 64 * 1024
_HEAD_WITHIN_S = 30.0


class BoundedHttp(HttpToolsProtocol):
    """Cuts off a client whose request line and headers are endless, or take for ever: the parser keeps all of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_complete()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._too_slow:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._head_is_complete()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        if not self._too_slow:
            self._head_bytes = 0
            self._too_slow = self.loop.call_later(_HEAD_WITHIN_S, self.transport.abort)

    def _head_is_complete(self) -> None:
        if self._too_slow:
            self._too_slow.cancel()
            self._too_slow = None
