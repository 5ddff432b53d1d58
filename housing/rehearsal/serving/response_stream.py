"""InvokeEndpointWithResponseStream: the answer in parts, in Amazon's event stream encoding."""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.rehearsal.responses import HttpRequest, HttpResponse
from housing.rehearsal.serving.invocations import invoke_endpoint

if TYPE_CHECKING:
    from housing.rehearsal.serving.hosting import Hosting

_PART = 64 * 1024
_TEXT = 7  # the type of a header whose value is a string


def invoke_with_response_stream(hosting: Hosting, request: HttpRequest, endpoint: str) -> HttpResponse:
    """As InvokeEndpoint: containers here give a whole answer, which is then split into parts."""
    answer = invoke_endpoint(hosting, request, endpoint)
    parts = [answer.body[start : start + _PART] for start in range(0, len(answer.body), _PART)] or [b""]
    headers = {
        "Content-Type": "application/vnd.amazon.eventstream",
        "X-Amzn-SageMaker-Content-Type": answer.headers["Content-Type"],
        "x-Amzn-Invoked-Production-Variant": answer.headers["x-Amzn-Invoked-Production-Variant"],
    }
    return HttpResponse(b"".join(_event(part) for part in parts), 200, headers)


def _event(payload: bytes) -> bytes:
    about = _headers(
        {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    )
    lengths = struct.pack("!II", 16 + len(about) + len(payload), len(about))
    message = lengths + struct.pack("!I", crc32(lengths)) + about + payload
    return message + struct.pack("!I", crc32(message))


def _headers(values: Mapping[str, str]) -> bytes:
    return b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _TEXT, len(value)) + value.encode()
        for name, value in values.items()
    )
