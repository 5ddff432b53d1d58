"""What the server and its workers say to each other: a kind, a length, and that many bytes.

The server's first frame is the folder of the model; the worker answers it with READY and its process id, or FAILED
and why. From then on each request gets one answer, in order. A closed connection ends both sides' interest.
"""

from __future__ import annotations

import enum
import struct

HEADER = struct.Struct(">BI")


class Ask(enum.IntEnum):
    """What a request's body is, and what its answer should be."""

    LOAD = 0
    CSV_FOR_CSV = 1
    CSV_FOR_JSON = 2
    JSON_FOR_CSV = 3
    JSON_FOR_JSON = 4

    @property
    def content_types(self) -> tuple[str, str]:
        """Of the request and of its answer."""
        csv, json = "text/csv", "application/json"
        asked = csv if self in (Ask.CSV_FOR_CSV, Ask.CSV_FOR_JSON) else json
        return asked, csv if self in (Ask.CSV_FOR_CSV, Ask.JSON_FOR_CSV) else json


class Answer(enum.IntEnum):
    """PREDICTED carries the values, REFUSED what is wrong with the rows, FAILED what is wrong with the model."""

    READY = 0
    PREDICTED = 1
    REFUSED = 2
    FAILED = 3


def pack(kind: int, body: bytes) -> bytes:
    return HEADER.pack(kind, len(body)) + body
