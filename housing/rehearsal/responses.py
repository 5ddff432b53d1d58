"""Responses of the rehearsal: errors in AWS's words, and plain HTTP for calls without JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class ApiError(Exception):
    """A call that AWS refuses: `code` as in the service model; `details` go beside the message in the response body."""

    def __init__(self, code: str, message: str, status: int = 400, *, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})


def refused(message: str) -> ApiError:
    """The error for a request with wrong values."""
    return ApiError("ValidationException", message)


def unsupported(message: str) -> ApiError:
    """The error for what AWS supports and the rehearsal does not."""
    return ApiError("UnsupportedOperation", message)


@dataclass(frozen=True)
class HttpRequest:
    """A call of the SageMaker runtime. Names of headers are in lower case, those of `query` as they were sent."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class HttpResponse:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
