"""A serving container, as SageMaker sees it through its port: what the machine behind a variant runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Framework = Literal["xgboost", "sklearn"]
"""Whose image it is."""

Log = Callable[[str], None]
"""Takes one line that a container wrote."""

CRASHED = (
    "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
    "<p>The server encountered an internal error and was unable to complete your request. Either the server is "
    "overloaded or there is an error in the application.</p>\n"
)
"""Flask's answer, in SageMaker's containers, to an uncaught exception."""


class Unhealthy(Exception):
    """The container does not answer /ping with 200; the message is what it logged last."""


class TimedOut(Exception):
    """The container gave no answer within the time that SageMaker waits."""


@dataclass(frozen=True)
class Answer:
    """The response of the container's web server."""

    status: int
    body: bytes
    content_type: str

    @classmethod
    def text(cls, status: int, text: str, content_type: str = "text/html; charset=utf-8") -> Answer:
        return cls(status, text.encode(), content_type)


@dataclass(frozen=True)
class Setup:
    """What a container finds when it starts: the unpacked model, its environment, and where its output goes."""

    model: Path
    environment: Mapping[str, str]
    log: Log


class Container(Protocol):
    """Starts when it is constructed, which raises Unhealthy when /ping would fail. May be called from any thread."""

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        """POST /invocations; raises TimedOut."""

    def close(self) -> None:
        """Stop; requests in flight are lost."""
