"""Refusals in the form of SageMaker's runtime: the name of the error in a header, the reason in JSON."""

from __future__ import annotations

import json
from typing import Any

# AWS's name of each refusal, which client libraries turn into an exception.
_ERROR_TYPES = {
    400: "ValidationError",
    403: "AccessDeniedException",
    404: "UnknownOperationException",
    405: "UnknownOperationException",
    406: "NotAcceptableException",
    408: "RequestTimeoutException",
    413: "RequestEntityTooLargeException",
    415: "UnsupportedMediaTypeException",
    424: "ModelError",
    500: "InternalFailure",
    503: "ServiceUnavailable",
}


def refusal(status: int, message: str, **more: Any) -> tuple[dict[str, str], bytes]:
    """The headers and the body."""
    headers = {"content-type": "application/json", "x-amzn-ErrorType": _ERROR_TYPES.get(status, "ValidationError")}
    return headers, json.dumps({"message": message, **more}).encode()
