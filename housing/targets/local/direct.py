"""The short way of a request that can be answered at once: from the parser to the model and back, without a task.

Whatever is out of the ordinary - another path, an option, rows that are refused, a body that is slow to come - goes the
long way through the application, which knows what to say. Nothing is decided here that it would decide otherwise.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from housing.data.content_type import CSV, FORMS, JSON
from housing.targets.local.app import HOST
from housing.targets.local.endpoints import Endpoints
from housing.targets.local.frames import KINDS, Ask
from housing.targets.local.http import BoundedHttp
from housing.targets.local.immediate import MOST_BYTES

_URL = re.compile(rb"/endpoints/([A-Za-z0-9-]+)/invocations")
# A client may send head and body apart; one that takes longer is for who counts seconds.
_BODY_WITHIN_S = 0.05
_VARIANT = b"x-amzn-sagemaker-target-variant"
_OUT_OF_THE_ORDINARY = {b"origin", b"content-encoding", b"expect", b"transfer-encoding", b"upgrade"}
_Question = tuple[str, Ask, bytes, str | None]
"""Endpoint, kind, content type of the answer, variant."""
_READ = {b"host", b"content-type", b"content-length", b"accept", _VARIANT}


class DirectHttp(BoundedHttp):
    """`config.app.state.endpoints` are those that answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._endpoints: Endpoints = self.config.app.state.endpoints  # type: ignore[union-attr]
        self._held: list[bytes] | None = None
        self._asked: _Question
        self._waits: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._held is not None and not self._waits:
            self._waits = self.loop.call_later(_BODY_WITHIN_S, self._go_the_long_way)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        self._go_the_long_way()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        self._go_the_long_way()
        super().shutdown()

    def on_headers_complete(self) -> None:
        asked = self._question()
        if asked is None:
            super().on_headers_complete()
            return
        self._head_is_complete()
        self._asked, self._held = asked, []

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        if self._held is not None:
            if self._answer(b"".join(self._held)):
                self._forget()
                self.on_response_complete()
                return
            self._go_the_long_way()
        super().on_message_complete()

    def _is_idle(self, now: float) -> bool:
        return self._held is None and super()._is_idle(now)

    def _question(self) -> _Question | None:
        """None where the request is not plain."""
        url = _URL.fullmatch(self.url)
        if url is None or not self._is_free():
            return None
        read = _read(self.headers)
        kind = _kind(read.get(b"content-type", b""), read.get(b"accept", b"*/*"))
        if kind is None or not _is_ours(read.get(b"host", b"")) or not _is_small(read.get(b"content-length", b"")):
            return None
        variant = read.get(_VARIANT)
        return url[1].decode(), *kind, None if variant is None else variant.decode("latin-1")

    def _is_free(self) -> bool:
        """Whether nothing is at work here that comes first, and the connection goes on as usual."""
        parser, cycle = self.parser, self.cycle
        at_work = (cycle is not None and not cycle.response_complete) or self.pipeline or self._is_refused
        if at_work or self.flow.write_paused or parser.should_upgrade() or not parser.should_keep_alive():
            return False
        return bool(parser.get_method() == b"POST" and parser.get_http_version() == "1.1")

    def _answer(self, body: bytes) -> bool:
        """Whether it was answered."""
        name, kind, accept, variant = self._asked
        endpoint = self._endpoints.serving.get(name)
        if endpoint is None or self.transport.is_closing():
            return False
        if variant is None:
            # On the long way the same one answers: drawn anew, those that answer at once would be drawn more often.
            variant = self.scope["state"]["variant"] = endpoint.pick()
        result = endpoint.answer_at_once(variant, kind, body)
        if result is None:
            return False
        lines = [b"HTTP/1.1 200 OK"]
        lines += [name + b": " + value for name, value in self.server_state.default_headers]
        lines += [
            b"x-amzn-invoked-production-variant: " + variant.encode("latin-1"),
            b"content-length: %d" % len(result),
            b"content-type: " + accept,
            b"",
            result,
        ]
        self.transport.write(b"\r\n".join(lines))
        return True

    def _go_the_long_way(self) -> None:
        held = self._held
        self._forget()
        if held is not None:
            super().on_headers_complete()
            for part in held:
                super().on_body(part)

    def _forget(self) -> None:
        self._held = None
        if self._waits:
            self._waits.cancel()
            self._waits = None


def _read(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Those that matter; none at all where one is out of the ordinary."""
    read: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _READ:
            if name in read:
                return {}
            read[name] = value
        elif name in _OUT_OF_THE_ORDINARY or name.startswith(b"x-amzn-sagemaker-"):
            return {}
    return read


def _is_small(length: bytes) -> bool:
    return length.isdigit() and len(length) < 8 and int(length) <= MOST_BYTES


@lru_cache(maxsize=64)
def _is_ours(host: bytes) -> bool:
    return HOST.fullmatch(host.decode("latin-1")) is not None


@lru_cache(maxsize=64)
def _kind(content_type: bytes, accept: bytes) -> tuple[Ask, bytes] | None:
    """Of plain types alone; the content type of the answer as the application writes it."""
    asked, wanted = content_type.decode("latin-1"), accept.decode("latin-1")
    if asked not in FORMS or wanted not in (*FORMS, "*/*"):
        return None
    given = wanted if wanted in FORMS else CSV if asked == CSV else JSON
    return KINDS[asked, given], (f"{given}; charset=utf-8" if given.startswith("text/") else given).encode()
