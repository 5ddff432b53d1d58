"""Captured requests with their answers, and the reader of the JSON lines that SageMaker's data capture writes.

    {"captureData": {"endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "...",
                                       "encoding": "CSV"},
                     "endpointOutput": {...}},
     "eventMetadata": {"eventId": "...", "inferenceTime": "2026-11-23T14:00:00Z"}, "eventVersion": "0"}

Earlier local hosts wrote the same, with the `model` that answered next to the time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from housing.errors import DataError


@dataclass(frozen=True)
class CapturedRows:
    """One request and its `answer`, both as they were sent; the answer is empty where it was not kept.

    `encoded`: the answer is the container's own output, rather than in the label's unit or levels. `at_s` is in seconds
    since 1970. `model` is the version that answered, None where the host does not say.
    """

    variant: str
    at_s: float
    content_type: str
    rows: str
    answer: str
    encoded: bool = False
    model: str | None = None


def read(text: str, variant: str) -> Iterator[CapturedRows]:
    """The captured requests of one file, in its order. An unterminated last line, left by a killed writer, is skipped.

    Raises DataError for any other line that is not a captured request.
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


def _content(side: Mapping[str, Any]) -> str:
    text: str = side["data"]
    return base64.b64decode(text).decode("utf-8", errors="replace") if side.get("encoding") == "BASE64" else text
