"""FilterLogEvents as CloudWatch Logs answers it: of the streams with the name prefix, where moto takes all."""

from __future__ import annotations

import json
from typing import Any

_PASSED = ("startTime", "endTime", "limit", "nextToken", "filterPattern")


def correct() -> None:
    """Patch moto to answer so, in this process."""
    from moto.logs.responses import LogsResponse

    LogsResponse.filter_log_events = _filter_log_events


def _filter_log_events(self: Any) -> str:
    from moto.logs.exceptions import InvalidParameterException

    group, prefix = self._get_param("logGroupName"), self._get_param("logStreamNamePrefix")
    names = self._get_param("logStreamNames", [])
    if prefix and names:
        raise InvalidParameterException("logStreamNamePrefix and logStreamNames cannot both be given.")
    groups = self.logs_backend.groups
    if prefix and group in groups:
        names = [name for name in groups[group].streams if name.startswith(prefix)]
        if not names:  # moto takes an empty list to mean all of them
            return json.dumps({"events": [], "searchedLogStreams": []})
    start, end, limit, token, pattern = (self._get_param(name) for name in _PASSED)
    events, token, searched = self.logs_backend.filter_log_events(
        group, names, start, end, limit, token, pattern, self._get_param("interleaved", False)
    )
    return json.dumps({"events": events, "nextToken": token, "searchedLogStreams": searched})
