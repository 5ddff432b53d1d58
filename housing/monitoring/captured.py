"""What endpoints keep of requests and their answers: lines of JSON, as SageMaker's data capture writes them.

    {"captureData": {"endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "...",
                                       "encoding": "CSV"},
                     "endpointOutput": {...}},
     "eventMetadata": {"eventId": "...", "inferenceTime": "2026-11-23T14:00:00Z"}, "eventVersion": "0"}

The local host writes the same, with the `model` that answered beside the time.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from housing.errors import DataError

_VERSION = "0"
_ENCODER = json.JSONEncoder(separators=(",", ":"))  # json.dumps would make one for every request


@dataclass(frozen=True)
class CapturedRows:
    """One request and its `answer`, both as they were sent; the answer is empty where it was not kept.

    `encoded`: it is the container's own answer and not in the label's unit, or in levels. `at_s` counts from 1970.
    `model` is the version that answered, None where the place does not say.
    """

    variant: str
    at_s: float
    content_type: str
    rows: str
    answer: str
    encoded: bool = False
    model: str | None = None


def line(
    rows: bytes, content_type: str, *, answer: bytes, answer_type: str, at_s: float, model: str | None = None
) -> bytes:
    """One exchange as a line, its end included. Both bodies are UTF-8."""
    event = {
        "captureData": {
            "endpointInput": _side("INPUT", rows, content_type),
            "endpointOutput": _side("OUTPUT", answer, answer_type),
        },
        "eventMetadata": {
            "eventId": str(uuid4()),
            "inferenceTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s)),
            **({"model": model} if model else {}),
        },
        "eventVersion": _VERSION,
    }
    return _ENCODER.encode(event).encode() + b"\n"


def read(text: str, variant: str) -> Iterator[CapturedRows]:
    """The exchanges of one file, in its order. A last line without an end is what a killed writer left: passed over.

    Raises DataError for any other line that is no captured exchange.
    """
    *whole, _torn = text.split("\n")
    for number, one in enumerate(whole, 1):
        try:
            yield _exchange(json.loads(one), variant)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"line {number} is no captured request: {error!r}") from error


def _exchange(event: Mapping[str, Any], variant: str) -> CapturedRows:
    data, about = event["captureData"], event["eventMetadata"]
    asked, answered = data["endpointInput"], data.get("endpointOutput")
    return CapturedRows(
        variant=variant,
        at_s=datetime.fromisoformat(about["inferenceTime"]).timestamp(),
        content_type=str(asked.get("observedContentType") or "").partition(";")[0].strip().lower(),
        rows=_content(asked),
        answer=_content(answered) if answered else "",
        model=about.get("model"),
    )


def _side(mode: str, body: bytes, content_type: str) -> dict[str, str]:
    encoding = "CSV" if content_type == "text/csv" else "JSON"
    return {"observedContentType": content_type, "mode": mode, "data": body.decode(), "encoding": encoding}


def _content(side: Mapping[str, Any]) -> str:
    text: str = side["data"]
    return base64.b64decode(text).decode("utf-8", errors="replace") if side.get("encoding") == "BASE64" else text
