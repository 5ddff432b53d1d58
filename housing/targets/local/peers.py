"""Who is at the other end of a connection: every user of the machine can reach loopback, but only one has deployed."""

from __future__ import annotations

import os
import socket
import struct
import sys
from typing import Any

_ROOT = 0
_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_ANY = 0xFFFFFFFF
_ID = struct.Struct("!HH4s12x4s12x")
_UID_AT = 16 + 4 + 48 + 12
"""The user id's offset in the answer: after netlink's header, the socket's state, its id, and three numbers."""


def is_stranger(connection: Any) -> bool:
    """Whether the process at its other end certainly belongs to another user; root is trusted.

    Linux is asked about the peer's socket. Where that is not possible, every peer is trusted.
    """
    try:
        peer, here = connection.getpeername(), connection.getsockname()
    except OSError:  # it has hung up
        return False
    uid = _owner(peer, here) if sys.platform == "linux" and len(peer) == 2 else None
    return uid not in (None, _ROOT, os.geteuid())


def _owner(peer: tuple[str, int], here: tuple[str, int]) -> int | None:
    """The user id, according to the kernel, of the socket that is bound to `peer` and connected to `here`."""
    asked = _ID.pack(peer[1], here[1], socket.inet_aton(peer[0]), socket.inet_aton(here[0]))
    message = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ANY) + asked
    message += struct.pack("=III", 0, _ANY, _ANY)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(struct.pack("=IHHII", 16 + len(message), _BY_FAMILY, _REQUEST, 0, 0) + message)
            answer = kernel.recv(4096)
    except OSError:
        return None
    _, kind = struct.unpack_from("=IH", answer)
    if kind != _BY_FAMILY or len(answer) < _UID_AT + 4:
        return None
    uid: int = struct.unpack_from("=I", answer, _UID_AT)[0]
    return uid
