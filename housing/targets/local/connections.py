"""Connections that change hands between the server and its responders, over a pair of Unix sockets.

From the server a byte goes with each. Back comes, with each, a header, the variant that was drawn for its request and
the bytes of the request that were read:

    lengths of both, `_HEADER` | variant, in UTF-8; nothing where none was drawn | bytes
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque
from collections.abc import Iterator

_HEADER = struct.Struct("<II")
_MOST_AT_ONCE = 64
_READ_BYTES = 1 << 16


def give(channel: socket.socket, connection: int) -> bool:
    """Whether a connection, by its file descriptor, is on its way to a responder. `channel` must not block."""
    try:
        socket.send_fds(channel, [b"c"], [connection])
    except OSError:
        return False
    return True


def received(channel: socket.socket) -> Iterator[socket.socket]:
    """What the server has given, as much as is there; waits where there is nothing."""
    with contextlib.suppress(ConnectionError):
        _, descriptors, _, _ = socket.recv_fds(channel, _MOST_AT_ONCE, _MOST_AT_ONCE)
        yield from (socket.socket(fileno=descriptor) for descriptor in descriptors)


def give_back(channel: socket.socket, connection: int, variant: str | None, read: bytes) -> None:
    """Waits for the server, which always reads. Raises OSError where it is gone."""
    drawn = (variant or "").encode()
    message = _HEADER.pack(len(drawn), len(read)) + drawn + read
    sent = socket.send_fds(channel, [message], [connection])
    channel.sendall(message[sent:])


class Returned:
    """The server's end of what a responder hands back; `channel` is made not to block."""

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._bytes = bytearray()
        self._descriptors: deque[int] = deque()

    def read(self) -> Iterator[tuple[socket.socket, str | None, bytes]]:
        """Connections that are here whole, each with its variant and the bytes that were read. Raises EOFError."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._channel, _READ_BYTES, _MOST_AT_ONCE)
        except BlockingIOError:
            return
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            raise EOFError
        self._bytes += data
        self._descriptors += descriptors
        while (found := self._next()) is not None:
            yield found

    def _next(self) -> tuple[socket.socket, str | None, bytes] | None:
        if len(self._bytes) < _HEADER.size:
            return None
        sizes = _HEADER.unpack_from(self._bytes)
        body = _HEADER.size + sizes[0]
        if len(self._bytes) < body + sizes[1]:
            return None
        variant, read = bytes(self._bytes[_HEADER.size : body]), bytes(self._bytes[body : body + sizes[1]])
        del self._bytes[: body + sizes[1]]
        return socket.socket(fileno=self._descriptors.popleft()), variant.decode() or None, read

    def close(self) -> None:
        """Connections that were cut off on their way are closed."""
        while self._descriptors:
            socket.socket(fileno=self._descriptors.popleft()).close()
        self._channel.close()
