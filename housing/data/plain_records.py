"""A fast reader of JSON rows without anything unusual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from housing.data.content_type import JSON, JSON_LINES
from housing.data.plain_numbers import loads

_FORMS = ("instances", "dataframe_records")


def read(body: bytes, form: str, row: Callable[[Any], Sequence[Any]]) -> list[Sequence[Any]] | None:
    """`row` applied to each record; None where anything is unusual."""
    if b"\\u0000" in body:
        return None
    try:
        if form == JSON_LINES:
            records, keys = [loads(line) for line in body.split(b"\n") if line.strip()], 0
        else:
            records, keys = _unwrapped(loads(body))
        if not records or not all(isinstance(one, dict) for one in records):
            return None
        # These counts of braces and colons mean that no cell contains any, and that no key occurs twice.
        counts = (len(records) + keys, int(form == JSON), sum(map(len, records)) + keys)
        return list(map(row, records)) if (*map(body.count, (b"{", b"[", b":")),) == counts else None
    except (ValueError, KeyError):
        return None


def _unwrapped(document: Any) -> tuple[list[Any], int]:
    """The rows, and the number of keys around them."""
    if isinstance(document, list):
        return document, 0
    if isinstance(document, dict) and len(document) == 1:
        ((key, rows),) = document.items()
        if key in _FORMS and isinstance(rows, list):
            return rows, 1
    return [], 0
