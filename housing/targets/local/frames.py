"""What the server and its workers say to each other: a kind, a length, and that many bytes.

The server's first frame is the folder of the model; the worker answers it with READY and its process id, or FAILED
and why. COMPILE names a file for the tables of the model's trees. From then on each request gets one answer, in order.
Either side may end by closing the connection.
"""

from __future__ import annotations

import enum
import struct
from itertools import product

from housing.data.content_type import FORMS

HEADER = struct.Struct(">BI")


class Ask(enum.IntEnum):
    """What a request's body is, and what its answer should be."""

    LOAD = 0
    CSV_FOR_CSV = 1
    CSV_FOR_JSON = 2
    CSV_FOR_JSON_LINES = 3
    JSON_FOR_CSV = 4
    JSON_FOR_JSON = 5
    JSON_FOR_JSON_LINES = 6
    JSON_LINES_FOR_CSV = 7
    JSON_LINES_FOR_JSON = 8
    JSON_LINES_FOR_JSON_LINES = 9
    COMPILE = 10

    @property
    def content_types(self) -> tuple[str, str]:
        """Of the request and of its answer."""
        return _CONTENT_TYPES[self]


WITH_EXTRAS = 0x80
"""Beside a kind: the body begins with a line of parameters, which ask for more than predictions: `data.extras`."""

# By number: the hash of a member of an enumeration is computed in Python.
_CONTENT_TYPES = [("", ""), *product(FORMS, FORMS)]
KINDS = dict(zip(_CONTENT_TYPES[1:], list(Ask)[1:-1], strict=True))


class Answer(enum.IntEnum):
    """PREDICTED carries the values, REFUSED what is wrong with the rows, FAILED what is wrong with the model."""

    READY = 0
    PREDICTED = 1
    REFUSED = 2
    FAILED = 3


def pack(kind: int, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body
