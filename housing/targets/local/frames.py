"""What the server and its workers say to each other: a kind, a length, and that many bytes.

The server's first frame is the folder of the model; the worker answers it with READY and its process id, or FAILED
and why. From then on each request gets one answer, in order. Either side may end by closing the connection.
"""

from __future__ import annotations

import enum
import struct

from housing.data.content_type import CSV, JSON, JSON_LINES

HEADER = struct.Struct(">BI")


class Ask(enum.IntEnum):
    """What a request's body is, and what its answer should be."""

    LOAD = 0
    CSV_FOR_LINES = 1
    CSV_FOR_JSON = 2
    JSON_FOR_LINES = 3
    JSON_FOR_JSON = 4
    JSON_LINES_FOR_LINES = 5
    JSON_LINES_FOR_JSON = 6

    @property
    def asked(self) -> str:
        """The content type of the request."""
        if self in (Ask.CSV_FOR_LINES, Ask.CSV_FOR_JSON):
            return CSV
        return JSON if self in (Ask.JSON_FOR_LINES, Ask.JSON_FOR_JSON) else JSON_LINES

    @property
    def in_lines(self) -> bool:
        """Whether the answer is a number a line, which is CSV and JSON Lines alike."""
        return self in (Ask.CSV_FOR_LINES, Ask.JSON_FOR_LINES, Ask.JSON_LINES_FOR_LINES)

    @property
    def content_types(self) -> tuple[str, str]:
        """Of the request and of its answer."""
        return self.asked, CSV if self.in_lines else JSON


class Answer(enum.IntEnum):
    """PREDICTED carries the values, REFUSED what is wrong with the rows, FAILED what is wrong with the model."""

    READY = 0
    PREDICTED = 1
    REFUSED = 2
    FAILED = 3


def pack(kind: int, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body
