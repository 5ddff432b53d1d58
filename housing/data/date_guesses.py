"""Guesses the pattern of a column's dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from housing.data.moments import seconds_of

_DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d-%b-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y"),
    *("%d-%b-%y", "%d %b %y", "%a, %d %b %Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %H:%M:%S.%f", "T%H:%M:%S", " %I:%M:%S %p")
_MONTHS = ("%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y")
_LOOKED_AT = 50


@dataclass(frozen=True)
class Pattern:
    """A date's `day` and the `clock` after it, as Python's strptime has them; ISO 8601 where `day` is None."""

    day: str | None
    clock: str = ""

    @property
    def format(self) -> str | None:
        """As in `moments.Date`."""
        return None if self.day is None else self.day + self.clock


ISO = Pattern(None)
_PATTERNS = tuple(Pattern(day, clock) for day, clock in (*product(_DAYS, _TIMES), *((month, "") for month in _MONTHS)))


@dataclass(frozen=True)
class DatePattern:
    """`format` as in `Date`; `also` are other patterns that fit all dates as well."""

    format: str | None
    also: tuple[str, ...] = ()


def date_pattern(texts: Sequence[str], likely: Sequence[str | None] | None = None) -> DatePattern | None:
    """The first pattern that fits every text; None where there is none. If ISO 8601 fits, no others are tried.

    `likely` are the formats that fit other texts of the column, ISO 8601 first.
    """
    if likely is None:
        likely = [None] if all(fits(text, None) for text in texts) else [one.format for one in likely_patterns(texts)]
    # What is written by ISO 8601 fits the others as well, see `moments.seconds_of`.
    others = [text for text in texts if not (text.strip()[4:5] == "-" and fits(text, None))]
    fitting = [pattern for pattern in likely if all(fits(text, pattern) for text in others)]
    if None in fitting:
        return DatePattern(None)
    return DatePattern(fitting[0], tuple(filter(None, fitting[1:]))) if fitting else None


def likely_patterns(texts: Sequence[str]) -> list[Pattern]:
    """The patterns that fit a sample of the texts, ISO 8601 first."""
    some = texts[:: max(1, len(texts) // _LOOKED_AT)]
    return [pattern for pattern in (ISO, *_PATTERNS) if all(fits(text, pattern.format) for text in some)]


def fits(text: str, pattern: str | None) -> bool:
    """Whether a date's text is in this pattern, or in ISO 8601 without one."""
    try:
        seconds_of(text, pattern)
    except ValueError:
        return False
    return True
