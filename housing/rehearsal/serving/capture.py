"""Data capture: requests and answers as JSON lines in S3, as SageMaker writes them."""

from __future__ import annotations

import base64
import json
import random
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws.objects import bucket_and_key

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_EVENT_VERSION = "0"


@dataclass(frozen=True)
class Exchange:
    """One request and its answer; `at` is when it was answered."""

    request: bytes
    request_type: str | None
    answer: bytes
    answer_type: str
    inference_id: str | None
    custom_attributes: str | None
    at: datetime


class Captures:
    """Captured lines by S3 folder, kept until `flush`. May be used from any thread."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._lines: dict[str, list[str]] = defaultdict(list)

    def add(self, config: Mapping[str, Any] | None, endpoint: str, variant: str, exchange: Exchange) -> None:
        """Keep the exchange if it is in the sample that `config`, the endpoint's DataCaptureConfig, asks for."""
        if config is None or not config.get("EnableCapture", False):
            return
        if random.random() * 100 >= config["InitialSamplingPercentage"]:
            return
        folder = f"{config['DestinationS3Uri'].rstrip('/')}/{endpoint}/{variant}/{exchange.at:%Y/%m/%d/%H}"
        with self._lock:
            self._lines[folder].append(_line(config, exchange))

    def flush(self) -> None:
        with self._lock:
            taken, self._lines = self._lines, defaultdict(list)
        for folder, lines in taken.items():
            now = datetime.now(UTC)
            name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
            bucket, key = bucket_and_key(f"{folder}/{name}")
            self._context.client("s3").put_object(Bucket=bucket, Key=key, Body="".join(lines).encode())


def _line(config: Mapping[str, Any], exchange: Exchange) -> str:
    wanted = {option["CaptureMode"] for option in config["CaptureOptions"]}
    data = {}
    if wanted & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _side(config, "INPUT", exchange.request, exchange.request_type or "")
    if wanted & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _side(config, "OUTPUT", exchange.answer, exchange.answer_type)
    about: dict[str, Any] = {"eventId": str(uuid.uuid4())}
    if exchange.custom_attributes:
        about["customAttributes"] = [exchange.custom_attributes]
    if exchange.inference_id:
        about["inferenceId"] = exchange.inference_id
    about["inferenceTime"] = f"{exchange.at:%Y-%m-%dT%H:%M:%SZ}"
    event = {"captureData": data, "eventMetadata": about, "eventVersion": _EVENT_VERSION}
    return f"{json.dumps(event, separators=(',', ':'))}\n"


def _side(config: Mapping[str, Any], mode: str, content: bytes, content_type: str) -> dict[str, str]:
    encoding = _encoding(config, content_type)
    try:
        text = base64.b64encode(content).decode() if encoding == "BASE64" else content.decode("utf-8")
    except UnicodeDecodeError:
        encoding, text = "BASE64", base64.b64encode(content).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}


def _encoding(config: Mapping[str, Any], content_type: str) -> str:
    """CSV or JSON for the listed content types (by default text/csv and application/json), Base64 for all others."""
    headers = config.get("CaptureContentTypeHeader") or {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind in [each.lower() for each in headers.get("CsvContentTypes", ["text/csv"])]:
        return "CSV"
    if kind in [each.lower() for each in headers.get("JsonContentTypes", ["application/json"])]:
        return "JSON"
    return "BASE64"
