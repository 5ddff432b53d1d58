"""Durations and times of day as typed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from housing.errors import ConfigError

_DURATION = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_MOMENT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds_until(flag: str, value: str, now: datetime | None = None) -> float:
    """Seconds in `90s`, `30m`, `8h` or `2d`, or from `now` until the next `18:30` local time. Raises ConfigError."""
    if duration := _DURATION.fullmatch(value):
        return float(int(duration[1]) * _SECONDS[duration[2]])
    if moment := _MOMENT.fullmatch(value):
        here = now or datetime.now().astimezone()
        then = here.replace(hour=int(moment[1]), minute=int(moment[2]), second=0, microsecond=0)
        return ((then if then > here else then + timedelta(days=1)) - here).total_seconds()
    raise ConfigError(f"{flag} {value}: must be a duration such as 90s, 30m, 8h or 2d, or a time of day such as 18:30")
