"""Guesses the pattern of a column's dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from housing.data.moments import seconds_of

_DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %H:%M:%S.%f", "T%H:%M:%S")
_PATTERNS = tuple(day + time for day, time in product(_DAYS, _TIMES))
_LOOKED_AT = 50


@dataclass(frozen=True)
class DatePattern:
    """`format` as in `Date`; `also` are other patterns that fit all dates as well."""

    format: str | None
    also: tuple[str, ...] = ()


def date_pattern(texts: Sequence[str]) -> DatePattern | None:
    """The first pattern that fits every text; None where there is none. If ISO 8601 fits, no others are tried."""
    if all(_fits(text, None) for text in texts):
        return DatePattern(None)
    some = texts[:: max(1, len(texts) // _LOOKED_AT)]
    likely = [pattern for pattern in _PATTERNS if all(_fits(text, pattern) for text in some)]
    fitting = [pattern for pattern in likely if all(_fits(text, pattern) for text in texts)]
    return DatePattern(fitting[0], tuple(fitting[1:])) if fitting else None


def _fits(text: str, pattern: str | None) -> bool:
    try:
        seconds_of(text, pattern)
    except ValueError:
        return False
    return True
