"""A stream of CloudWatch Logs, created with its group when it is first written to."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_MOST_EVENTS = 5000  # in one call; CloudWatch takes 10,000


class LogStream:
    """Written by one thread at a time."""

    def __init__(self, context: Context, group: str, name: str) -> None:
        self._client = context.client("logs")
        self._place = {"logGroupName": group, "logStreamName": name}
        self._is_there = False

    def write(self, events: Sequence[dict[str, Any]]) -> None:
        """Events have a `timestamp` in milliseconds since 1970 and a `message`. Raises botocore's ClientError."""
        if not self._is_there:
            self._make()
        for start in range(0, len(events), _MOST_EVENTS):
            self._client.put_log_events(**self._place, logEvents=events[start : start + _MOST_EVENTS])

    def _make(self) -> None:
        from botocore.exceptions import ClientError

        try:
            self._client.create_log_stream(**self._place)
        except ClientError:  # no group yet; `client.exceptions` is built anew by each racing thread: no match
            with contextlib.suppress(ClientError):  # another thread was quicker
                self._client.create_log_group(logGroupName=self._place["logGroupName"])
            self._client.create_log_stream(**self._place)
        self._is_there = True
