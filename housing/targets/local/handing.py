"""A responder's HTTP: it hands a connection back to the server where `DirectHttp` would go the long way."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from housing.targets.local.connections import give_back
from housing.targets.local.direct import DirectHttp

_LOOKS_EVERY_S = 0.001


class HandingHttp(DirectHttp):
    """`config.app.state.connections` is the socket to the server."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._channel: socket.socket = self.config.app.state.connections  # type: ignore[union-attr]
        self._unread = b""
        """What the server must read again: the present request."""
        self._leaves = False

    def _parse(self, data: bytes) -> None:
        self._unread = data if self._is_between() else self._unread + data
        # Of several at once the first could be answered here, and then nobody knows where the second begins.
        if self._is_tried or _is_more_than_one(self._unread):
            self._leaves = True
        else:
            super()._parse(data)
        if self._leaves:
            self._hand_back()

    def on_body(self, body: bytes) -> None:
        if not self._leaves:
            super().on_body(body)

    def _begin_the_long_way(self) -> None:
        self._head_is_complete()
        self._leaves = True  # once the parser returns

    def _end_the_long_way(self) -> None:
        self._leaves = True

    def _keep_variant(self) -> None:
        """It goes along."""

    def _go_the_long_way(self) -> None:
        if self._held is not None:
            self._forget()
            self._leaves = True
            self.loop.call_soon(self._hand_back)

    def _hand_back(self) -> None:
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size():
            # An earlier answer is on its way, and would be lost.
            self.transport.pause_reading()
            self.loop.call_later(_LOOKS_EVERY_S, self._hand_back)
            return
        self._head_is_complete()
        connection = self.transport.get_extra_info("socket").fileno()
        with contextlib.suppress(OSError):  # without a server this process ends
            give_back(self._channel, connection, self._drawn, self._unread)
        self.transport.abort()  # the server has it: here it is let go, not closed


def _is_more_than_one(data: bytes) -> bool:
    """Whether another request may begin in what was read since this one began."""
    head, ends, rest = data.partition(b"\r\n\r\n")
    return bool(ends) and len(rest) > _length(head)


def _length(head: bytes) -> int:
    """Of its body; 0 where it does not say."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0
