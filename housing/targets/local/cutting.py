"""A large request, cut into parts that an instance answers one by one, so that small ones need not wait for all of it.

Only where the cut is sure: lines of CSV without quotes, or of JSON. Where a part is refused, the request is asked once
more as a whole: the reason names its rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from housing.data.content_type import CSV, JSON
from housing.data.plain_numbers import OF_NUMBERS
from housing.targets.local.fleet import Fleet
from housing.targets.local.frames import Answer, Ask

PART_BYTES = 256 * 1024
_BEGINS, _ENDS = b'{"predictions": [', b"]}"


async def ask_in_parts(fleet: Fleet, kind: Ask, body: bytes, *, tells_encoded: bool) -> tuple[int, bytes]:
    """What `Fleet.ask` answers. `tells_encoded`: a line of numbers is no header, whatever the model's columns."""
    parts = parts_of(kind, body, tells_encoded=tells_encoded) if len(body) > PART_BYTES else []
    if len(parts) < 2:
        return await fleet.ask(kind, body)
    answers: dict[int, bytes] = {}
    left = iter(enumerate(parts))

    async def ask_for_one_after_another() -> None:
        for number, part in left:
            answer, answers[number] = await fleet.ask(kind, part)
            if answer != Answer.PREDICTED:
                raise _NotPredicted

    # Each instance has one part at a time; who asks meanwhile comes before the next. Nothing is cancelled: that would
    # end an instance.
    lanes = (ask_for_one_after_another() for _ in range(max(1, min(fleet.live, len(parts)))))
    for fault in await asyncio.gather(*lanes, return_exceptions=True):
        if isinstance(fault, _NotPredicted):
            return await fleet.ask(kind, body)
        if fault is not None:
            raise fault
    return Answer.PREDICTED, _joined([answers[number] for number in range(len(parts))], kind)


def parts_of(kind: Ask, body: bytes, *, tells_encoded: bool) -> Sequence[bytes]:
    """Each as large as PART_BYTES, and the rest of its last line; none where it cannot be cut."""
    asked_in, _ = kind.content_types
    if asked_in == JSON or (asked_in == CSV and b'"' in body):
        return []
    header, start = b"", 0
    if asked_in == CSV:
        first = body[: body.find(b"\n") + 1]
        if not first.strip():
            return []
        if not _is_numbers(first):
            header, start = first, len(first)
        elif not tells_encoded:
            return []
    parts = []
    while start < len(body):
        end = body.find(b"\n", start + PART_BYTES) + 1 or len(body)
        parts.append(header + body[start:end])
        start = end
    # One that begins otherwise would be taken for a header.
    is_sure = header or asked_in != CSV or all(_is_numbers(part[: part.find(b"\n")]) for part in parts)
    return parts if is_sure else []


class _NotPredicted(Exception):
    """A part was refused, or failed."""


def _is_numbers(line: bytes) -> bool:
    return not line.rstrip(b"\r\n").translate(None, OF_NUMBERS + b",")


def _joined(answers: Sequence[bytes], kind: Ask) -> bytes:
    if kind.content_types[1] != JSON:
        return b"".join(answers)
    return _BEGINS + b", ".join(one.removeprefix(_BEGINS).removesuffix(_ENDS) for one in answers) + _ENDS
