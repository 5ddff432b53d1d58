"""The fast path of a request that can be answered at once: from the parser to the model and back, without a task.

Anything unusual - another URL, an option, rows that are refused, a body that is slow to arrive - takes the slow path
through the application. The fast path never answers differently from the slow one.

Clients send the same head again and again. One that was found to be plain is remembered, byte by byte; a request that
begins with it and arrives whole skips even the parser.
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
# A client may send head and body separately; for a slower one the application has time-outs.
_BODY_WITHIN_S = 0.05
_VARIANT = b"x-amzn-sagemaker-target-variant"
_OUT_OF_THE_ORDINARY = {b"origin", b"content-encoding", b"expect", b"transfer-encoding", b"upgrade"}
_Question = tuple[str, Ask, bytes, str | None]
"""Endpoint, kind, content type of the answer, variant (None: to be chosen)."""
_LONGEST_HEAD, _MOST_HEADS = 4096, 1000
_plain_heads: dict[bytes, tuple[_Question, int]] = {}
"""By the bytes of a head: what such requests ask, and the length of their bodies."""
_READ = {b"host", b"content-type", b"content-length", b"accept", _VARIANT}


class DirectHttp(BoundedHttp):
    """Answers from `config.app.state.endpoints`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._endpoints: Endpoints = self.config.app.state.endpoints  # type: ignore[union-attr]
        self._held: list[bytes] | None = None
        self._asked: _Question
        self._waits: asyncio.TimerHandle | None = None
        self._head = b""
        """The head that the parser is reading, if it arrived in one piece; remembered if it is plain."""
        self._is_tried = False
        """Whether the next request that the parser gets has already been tried here without success."""
        self._drawn: str | None = None
        """The variant that was drawn for it."""

    def data_received(self, data: bytes) -> None:
        if self._is_between() and data.startswith(b"POST "):
            end = data.find(b"\r\n\r\n") + 4
            head = data[:end]
            known = _plain_heads.get(head)
            if known is None:
                self._head = head
            elif len(data) - end == known[1]:
                if self._answer(known[0], data[end:]):
                    self._ends_one()
                    return
                self._is_tried = True
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        self._head, self._is_tried = b"", False
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
        asked = None if self._is_tried else self._question()
        if asked is None:
            self._begin_the_long_way()
            return
        self._head_is_complete()
        self._asked, self._held = asked, []
        if self._head:
            _remember(self._head, asked, self.headers)
            self._head = b""

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        if self._held is not None:
            if self._answer(self._asked, b"".join(self._held)):
                self._forget()
                self.on_response_complete()
                return
            self._keep_variant()
            self._go_the_long_way()
        self._end_the_long_way()

    def _begin_the_long_way(self) -> None:
        if self._is_tried:
            self._is_tried = False
            self._keep_variant()
        super().on_headers_complete()

    def _end_the_long_way(self) -> None:
        super().on_message_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Fast answers do not reset this timer: restart it with what is left since the last request."""
        left = self._heard_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _ends_one(self) -> None:
        """What `data_received` and `on_response_complete` would do here."""
        self._heard_at = self.loop.time()
        self._head_is_complete()
        self.server_state.total_requests += 1
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _keep_variant(self) -> None:
        """Keep the drawn variant on the slow path: drawing again would favour variants that can answer at once."""
        if self._drawn:
            self.scope["state"]["variant"], self._drawn = self._drawn, None

    def _is_idle(self, now: float) -> bool:
        return self._held is None and super()._is_idle(now)

    def _is_between(self) -> bool:
        """Whether no request is being parsed or answered: the next bytes begin a new one."""
        if self._held is not None or (self._too_slow and self._head_bytes) or self._is_refused or self.pipeline:
            return False
        cycle = self.cycle
        return (cycle is None or (cycle.response_complete and cycle.keep_alive)) and not self.flow.write_paused

    def _question(self) -> _Question | None:
        """What the parsed head asks; None where the request is not plain."""
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
        """Whether no earlier request is in progress, and the connection is to be kept alive."""
        parser, cycle = self.parser, self.cycle
        at_work = (cycle is not None and not cycle.response_complete) or self.pipeline or self._is_refused
        if at_work or self.flow.write_paused or parser.should_upgrade() or not parser.should_keep_alive():
            return False
        return bool(parser.get_method() == b"POST" and parser.get_http_version() == "1.1")

    def _answer(self, asked: _Question, body: bytes) -> bool:
        """Answer at once, if possible; returns whether it was."""
        name, kind, accept, variant = asked
        endpoint = self._endpoints.serving.get(name)
        if endpoint is None or self.transport.is_closing():
            return False
        if variant is None:
            variant = self._drawn = endpoint.pick(self._drawn)
        result = endpoint.answer_at_once(variant, kind, body)
        if result is None:
            return False
        self._drawn = None
        head = _head_of_answer(variant, accept, self.server_state.default_headers)
        self.transport.write(b"%b%d\r\n\r\n%b" % (head, len(result), result))
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


def _remember(head: bytes, asked: _Question, headers: Iterable[tuple[bytes, bytes]]) -> None:
    # With other line ends, the parser may see the end of the head elsewhere.
    if len(head) > _LONGEST_HEAD or head.count(b"\n") != head.count(b"\r\n") or head.count(b"\r\n\r\n") != 1:
        return
    if len(_plain_heads) >= _MOST_HEADS:
        _plain_heads.clear()
    _plain_heads[head] = asked, int(dict(headers)[b"content-length"])


_answer_heads: dict[tuple[str, bytes], bytes] = {}
_answered_with: list[list[tuple[bytes, bytes]]] = [[]]


def _head_of_answer(variant: str, accept: bytes, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    """The head of an answer up to the content length. The default headers are a new list each second, with the time."""
    if _answered_with[0] is not default_headers:
        _answered_with[0] = default_headers
        _answer_heads.clear()
    found = _answer_heads.get((variant, accept))
    if found is None:
        lines = [b"HTTP/1.1 200 OK"]
        lines += [name + b": " + value for name, value in default_headers]
        lines += [b"x-amzn-invoked-production-variant: " + variant.encode("latin-1"), b"content-type: " + accept]
        found = _answer_heads[variant, accept] = b"\r\n".join([*lines, b"content-length: "])
    return found


def _read(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The relevant headers; none at all where one is unusual or repeated."""
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
    """For plain types only: the kind, and the content type of the answer as the application writes it."""
    asked, wanted = content_type.decode("latin-1"), accept.decode("latin-1")
    if asked not in FORMS or wanted not in (*FORMS, "*/*"):
        return None
    given = wanted if wanted in FORMS else CSV if asked == CSV else JSON
    return KINDS[asked, given], (f"{given}; charset=utf-8" if given.startswith("text/") else given).encode()
