"""Reads what the containers of a job write to CloudWatch Logs, from the first line on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from housing.errors import CloudError
from housing.targets.sagemaker.refusals import MISSING, code, translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients

GROUP = "/aws/sagemaker/TrainingJobs"


class LogTail:
    """The unread lines of one job. An interrupted job has a stream for each start."""

    def __init__(self, clients: Clients, handle: str) -> None:
        self.handle = handle
        self._clients = clients
        self._tokens: dict[str, str | None] = {}

    @property
    def streams(self) -> list[str]:
        """Names of the streams found so far, the oldest first."""
        return list(self._tokens)

    def read(self, *, look_for_streams: bool) -> Iterator[tuple[str, str]]:
        """(stream, line) in the order of streams and lines. Raises CloudError."""
        if look_for_streams or not self._tokens:
            for stream in self._found():
                self._tokens.setdefault(stream, None)
        for stream in list(self._tokens):
            for line in self._new_lines(stream):
                yield stream, line

    def _found(self) -> list[str]:
        try:
            with translated("logs"):
                pages = self._clients("logs").get_paginator("describe_log_streams")
                found = [
                    stream
                    for page in pages.paginate(logGroupName=GROUP, logStreamNamePrefix=f"{self.handle}/")
                    for stream in page["logStreams"]
                ]
        except CloudError as error:
            if code(error.__cause__) in MISSING:  # the group is created with the account's first job
                return []
            raise
        return [stream["logStreamName"] for stream in sorted(found, key=lambda each: each.get("creationTime", 0))]

    def _new_lines(self, stream: str) -> Iterator[str]:
        while True:
            token = self._tokens[stream]
            position: dict[str, Any] = {"nextToken": token} if token else {}
            with translated("logs"):
                page = self._clients("logs").get_log_events(
                    logGroupName=GROUP, logStreamName=stream, startFromHead=True, **position
                )
            self._tokens[stream] = page["nextForwardToken"]
            for event in page["events"]:
                yield event["message"]
            if not page["events"] or page["nextForwardToken"] == token:
                return
