"""What endpoints keep of requests and their answers: lines of JSON, as SageMaker's data capture writes them.

    {"captureData": {"endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "...",
                                       "encoding": "CSV"},
                     "endpointOutput": {...}},
     "eventMetadata": {"eventId": "...", "inferenceTime": "2026-11-23T14:00:00Z"}, "eventVersion": "0"}

The local host writes the same, with the `model` that answered beside the time.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

from housing.errors import DataError

try:
    import orjson
except ModuleNotFoundError:  # where MLflow has brought what predicting needs, and no more
    orjson = None  # type: ignore[assignment]

# Written by hand: with everything captured, this is done for every request.
_SIDE = b'"endpoint%b":{"observedContentType":%%b,"mode":"%b","data":%%b,"encoding":"%%b"}'
_LINE = (
    b'{"captureData":{'
    + b",".join([_SIDE % (b"Input", b"INPUT"), _SIDE % (b"Output", b"OUTPUT")])
    + b'},"eventMetadata":{"eventId":"%b","inferenceTime":"%b"%b},"eventVersion":"0"}\n'
)
_PROCESS = str(uuid4())[:-12].encode()
_count = itertools.count(int.from_bytes(os.urandom(5)))


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
    sides = (*_side(rows, content_type), *_side(answer, answer_type))
    return _LINE % (*sides, b"%b%012x" % (_PROCESS, next(_count)), _second(int(at_s)), _model(model))


def read(text: str, variant: str) -> Iterator[CapturedRows]:
    """The exchanges of one file, in its order. A last line without an end is what a killed writer left: passed over.

    Raises DataError for any other line that is no captured exchange.
    """
    *whole, _torn = text.split("\n")
    for number, one in enumerate(whole, 1):
        try:
            yield _exchange(json.loads(one), variant)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"line {number} is not a captured request: {error!r}") from error


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


def _side(body: bytes, content_type: str) -> tuple[bytes, bytes, bytes]:
    return _type(content_type), _text(body.decode()), b"CSV" if content_type == "text/csv" else b"JSON"


def _text(text: str) -> bytes:
    # In ASCII alone, so that a line which a killed writer has cut is UTF-8 still.
    return orjson.dumps(text) if orjson is not None and text.isascii() else json.dumps(text).encode()


@lru_cache(maxsize=16)
def _type(content_type: str) -> bytes:
    return _text(content_type)


@lru_cache(maxsize=4)
def _second(at_s: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s)).encode()


@lru_cache(maxsize=16)
def _model(model: str | None) -> bytes:
    return b',"model":%b' % _text(model) if model else b""


def _content(side: Mapping[str, Any]) -> str:
    text: str = side["data"]
    return base64.b64decode(text).decode("utf-8", errors="replace") if side.get("encoding") == "BASE64" else text
