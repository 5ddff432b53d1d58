"""Where a large body may be cut into parts that are answered one by one, or side by side, and their answers joined.

Only where the cut is sure: lines of CSV without quotes, or of JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

from housing.data.content_type import CSV, JSON
from housing.data.plain_numbers import OF_NUMBERS
from housing.targets.local.frames import Ask

_BEGINS, _ENDS = b'{"predictions": [', b"]}"


def parts_of(kind: Ask, body: bytes, *, part_bytes: int, tells_encoded: bool) -> Sequence[bytes]:
    """Each of `part_bytes`, and the rest of its last line; none where it cannot be cut.

    `tells_encoded`: a line of numbers is no header, whatever the model's columns.
    """
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
        end = body.find(b"\n", start + part_bytes) + 1 or len(body)
        parts.append(header + body[start:end])
        start = end
    # A part that begins otherwise would be taken to have a header.
    is_sure = header or asked_in != CSV or all(_is_numbers(part[: part.find(b"\n")]) for part in parts)
    return parts if is_sure else []


def joined(answers: Sequence[bytes], kind: Ask) -> bytes:
    """What is answered to the whole, of the answers to its parts."""
    if kind.content_types[1] != JSON:
        return b"".join(answers)
    return _BEGINS + b", ".join(one.removeprefix(_BEGINS).removesuffix(_ENDS) for one in answers) + _ENDS


def _is_numbers(line: bytes) -> bool:
    return not line.rstrip(b"\r\n").translate(None, OF_NUMBERS + b",")
