"""The messages between the server and its workers: a kind, a length, and that many bytes.

The server's first frame is the folder of the model; the worker answers READY and its process id, or FAILED and the
reason. After that each request gets one answer, in order; COMPILE names a file for the tables of the model's trees.
Either side may end by closing the connection.
"""

from __future__ import annotations

import enum
import struct
from itertools import product

from housing.data.content_type import FORMS

HEADER = struct.Struct(">BI")


class Ask(enum.IntEnum):
    """The format of a request's body, and of the answer."""

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
        """The content types of the request and of its answer."""
        return _CONTENT_TYPES[self]


WITH_EXTRAS = 0x80
"""A flag of the kind: the body begins with a line of parameters that request more than predictions (`data.extras`)."""

# Indexed by number: hashing an enumeration's members is slow, in Python.
_CONTENT_TYPES = [("", ""), *product(FORMS, FORMS)]
KINDS = dict(zip(_CONTENT_TYPES[1:], list(Ask)[1:-1], strict=True))


class Answer(enum.IntEnum):
    """PREDICTED has the values, REFUSED what is wrong with the rows, FAILED what is wrong with the model."""

    READY = 0
    PREDICTED = 1
    REFUSED = 2
    FAILED = 3


def pack(kind: int, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body
