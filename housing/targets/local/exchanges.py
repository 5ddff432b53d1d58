"""A captured request and its answer as a binary record, in pieces that are written without being copied.

    lengths of what follows, seconds since 1970 | content types and model, as JSON | body of the request | its answer

The numbers have the format `_HEAD`. A record cut off by a kill or a full disk is always the last of its file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from housing.errors import DataError
from housing.monitoring.captured import CapturedRows

_HEAD = struct.Struct("<4sIIId")
_MAGIC = b"hex1"


class Exchange(NamedTuple):
    """A request, its answer, the content type of each, and the version that answered; both bodies are UTF-8."""

    rows: bytes
    answer: bytes
    content_types: tuple[str, str]
    at_s: float
    model: str | None

    def pieces(self) -> tuple[bytes, bytes, bytes]:
        """The pieces of the record."""
        rows, answer, content_types, at_s, model = self
        about = _about(content_types, model)
        return _HEAD.pack(_MAGIC, len(about), len(rows), len(answer), at_s) + about, rows, answer


def read(content: bytes, variant: str) -> Iterator[CapturedRows]:
    """The exchanges of one file, in order; a last one that was cut off is skipped.

    Raises DataError for a file with any other content.
    """
    at = 0
    while at + _HEAD.size <= len(content):
        magic, *sizes, at_s = _HEAD.unpack_from(content, at)
        if magic != _MAGIC:
            raise DataError(f"byte {at} does not begin a captured request")
        about = at + _HEAD.size
        rows = about + sizes[0]
        answer = rows + sizes[1]
        at = answer + sizes[2]
        if at > len(content):
            return
        try:
            (content_type, _), model = json.loads(content[about:rows])
            texts = content[rows:answer].decode(), content[answer:at].decode()
        except (ValueError, TypeError) as error:
            raise DataError(f"what begins at byte {about} is no captured request: {error!r}") from error
        yield CapturedRows(variant, at_s, content_type, *texts, model=model)


@lru_cache(maxsize=64)
def _about(content_types: tuple[str, str], model: str | None) -> bytes:
    return json.dumps([content_types, model]).encode()
