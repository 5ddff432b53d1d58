"""Describe and List, the same for all kinds of resources: filters, order, pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from housing.rehearsal.kinds import KINDS
from housing.rehearsal.responses import refused

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

_Entry = TypeVar("_Entry")
_TIMES = {
    "CreationTimeAfter": ("CreationTime", 1),
    "CreationTimeBefore": ("CreationTime", -1),
    "LastModifiedTimeAfter": ("LastModifiedTime", 1),
    "LastModifiedTimeBefore": ("LastModifiedTime", -1),
}


def describe(context: Context, kind: str, request: Mapping[str, Any]) -> Record:
    """The record that a Describe request names; the server drops members that the response shape lacks."""
    return context.store.get(kind, request[KINDS[kind].name_member])


def summaries(
    context: Context,
    kind: str,
    request: Mapping[str, Any],
    *,
    member: str,
    order: tuple[str, str] = ("CreationTime", "Descending"),
    default: int = 10,
    records: Sequence[Record] | None = None,
) -> dict[str, Any]:
    """The answer of a List operation whose entries are in `member`: filtered, in order, `default` a page.

    `order` is what AWS sorts by unless the request says. `records` replaces all records of the kind.
    """
    known = KINDS[kind]
    chosen = [
        record
        for record in (context.store.list(kind) if records is None else records)
        if _passes(record, request, known.name_member, known.status_member)
    ]
    by = request.get("SortBy") or order[0]
    key = {"Name": known.name_member, "Status": known.status_member}.get(by, by)
    # Without a SortOrder AWS uses the operation's default direction.
    direction = request.get("SortOrder") or order[1]
    chosen.sort(key=lambda record: (record.get(key) is not None, record.get(key)), reverse=direction == "Descending")
    entries, token = page(chosen, request, default=default)
    return {member: entries, "NextToken": token}


def page(entries: Sequence[_Entry], request: Mapping[str, Any], *, default: int) -> tuple[list[_Entry], str | None]:
    """One page, and the token of the next; the token is valid only with the same other members of the request."""
    about = {k: v for k, v in request.items() if k not in ("NextToken", "MaxResults")}
    start = _start(request["NextToken"], about) if request.get("NextToken") else 0
    end = start + int(request.get("MaxResults") or default)
    token = base64.urlsafe_b64encode(json.dumps([end, about], sort_keys=True).encode()).decode()
    return list(entries[start:end]), token if end < len(entries) else None


def _start(token: str, about: Mapping[str, Any]) -> int:
    try:
        start, same = json.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise refused("Invalid pagination token.") from None
    if same != about:
        raise refused("The pagination token belongs to a request with other parameters.")
    return int(start)


def _passes(record: Record, request: Mapping[str, Any], name_member: str, status_member: str) -> bool:
    wanted = str(request.get("NameContains") or "")
    if wanted.lower() not in record[name_member].lower():
        return False
    if request.get("StatusEquals") and record.get(status_member) != request["StatusEquals"]:
        return False
    return all(
        (record[member] - float(request[given])) * sign > 0
        for given, (member, sign) in _TIMES.items()
        if request.get(given) is not None
    )
