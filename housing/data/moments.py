"""Columns of dates and times: their description, parsing, and parts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DAY_S = 86_400.0

Part = Literal[
    "year", "month", "day_of_week", "day_of_year", "hour", "days",
    "month_cycle", "day_of_week_cycle", "day_of_year_cycle", "hour_cycle",
]  # fmt: skip
"""What a date becomes: `days` are those since 1970, with their fraction; a cycle is a pair of sine and cosine.

Months are 1 to 12, days of the week 0 for Monday to 6, days of the year 1 to 366, hours have their fraction.
"""

DEFAULT_PARTS: tuple[Part, ...] = ("year", "month", "day_of_week", "day_of_year", "hour")
"""The default parts; the hour only where a training row has a time of day."""

_CYCLES = {"month_cycle": 12, "day_of_week_cycle": 7, "day_of_year_cycle": 365.25, "hour_cycle": 24}
_EPOCH = datetime(1970, 1, 1)
_ISO_HYPHEN = 4


@dataclass(frozen=True)
class Date:
    """A date, or a date with a time; without `format` (as Python's strptime has them) written by ISO 8601.

    A time with a zone is converted to UTC.
    """

    kind: Literal["date"] = "date"
    format: str | None = None
    missing: Literal["refused", "unknown", "none"] = "refused"

    def __post_init__(self) -> None:
        if self.format is None:
            return
        example = datetime(2024, 1, 31, 13, 5)
        try:
            is_day = seconds_of(example.strftime(self.format), self.format)
        except ValueError as error:
            raise ValueError(f"format: {self.format!r} reads no date ({error}); write such as '%d.%m.%Y'") from None
        if datetime.fromtimestamp(is_day, UTC).year != example.year:
            raise ValueError(f"format: {self.format!r} has no year; write such as '%d.%m.%Y'")


def seconds_of(text: str, pattern: str | None = None) -> float:
    """Seconds from 1970 to a date in this pattern, or in ISO 8601. Raises ValueError."""
    text = text.strip()
    if pattern is None:
        found = datetime.fromisoformat(text)
    else:
        try:
            found = datetime.strptime(text, pattern)
        except ValueError:
            # Dates from Parquet are read through ISO 8601 texts.
            if text[_ISO_HYPHEN : _ISO_HYPHEN + 1] != "-":
                raise
            found = datetime.fromisoformat(text)
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    return (found - _EPOCH).total_seconds()


def seconds_of_all(texts: Iterable[str | None], pattern: str | None) -> NDArray[np.float64]:
    """`seconds_of` for many texts, NaN for missing; each different text is parsed once."""
    import numpy as np

    known: dict[str | None, float] = {None: math.nan}
    texts = list(texts)
    for text in set(texts).difference(known):
        assert text is not None
        known[text] = seconds_of(text, pattern)
    return np.array([known[text] for text in texts], np.float64)


def part_names(part: Part) -> list[str]:
    """The names of the columns of a part."""
    return [f"{part}_sin", f"{part}_cos"] if part in _CYCLES else [part]


def has_hours(seconds: NDArray[np.float64]) -> bool:
    """Whether any of these times is not midnight."""
    import numpy as np

    known = seconds[~np.isnan(seconds)]
    return bool((known % DAY_S != 0).any())


def taken_apart(seconds: NDArray[np.float64], parts: Iterable[Part]) -> list[NDArray[np.float64]]:
    """(rows,) for each of the parts' columns, NaN where the date is missing."""
    import numpy as np

    missing = np.isnan(seconds)
    whole = np.where(missing, 0, seconds)
    days = np.floor(whole / DAY_S).astype(np.int64)
    found: list[NDArray[np.float64]] = []
    for part in parts:
        values: Any = _part(part.removesuffix("_cycle"), whole, days)
        if period := _CYCLES.get(part):
            angle = 2 * np.pi * values / period
            found += [np.where(missing, np.nan, np.sin(angle)), np.where(missing, np.nan, np.cos(angle))]
        else:
            found.append(np.where(missing, np.nan, values))
    return found


def _part(name: str, seconds: NDArray[np.float64], days: NDArray[np.int64]) -> Any:
    import numpy as np

    if name == "days":
        return seconds / DAY_S
    if name == "hour":
        return seconds % DAY_S / 3600
    if name == "day_of_week":
        return (days + 3) % 7  # 1970 began on a Thursday
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    if name == "month":
        return months.astype(np.int64) % 12 + 1
    years = dates.astype("datetime64[Y]")
    if name == "year":
        return years.astype(np.int64) + 1970
    return (dates - years.astype("datetime64[D]")).astype(np.int64) + 1
