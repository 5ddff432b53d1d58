from __future__ import annotations

from datetime import UTC, datetime

import pytest

from housing.cli.clock import seconds_until
from housing.errors import ConfigError

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("8h", 28_800),
        ("2d", 172_800),
        ("12:30", 1800),
        ("11:59", 86_340),
        ("12:00", 86_400),
    ],
)
def test_a_duration_or_the_next_such_time_of_day(value: str, seconds: float) -> None:
    assert seconds_until("--until", value, NOON) == seconds


@pytest.mark.parametrize("value", ["", "soon", "90", "-5m", "25:00", "12:60", "1e3s", "1٣s"])
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="must be a duration such as 90s, 30m, 8h or 2d, or a time of day"):
        seconds_until("--until", value, NOON)
