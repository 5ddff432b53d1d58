"""Positions of values on an axis, its ticks, and how numbers are formatted there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TOLD_APART = 1e-9


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` to pixels from `start` to `end`; linear in log(value) when `log`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values within the scale, ascending, roughly `about` of them."""
        if not self.high > self.low:
            return [self.low]
        return _log_ticks(self.low, self.high, about) if self.log else _linear_ticks(self.low, self.high, about)

    def inside(self, value: float) -> float:
        """The value, clipped to the ends of the scale."""
        return min(max(value, self.low), self.high)


def spanning(values: Iterable[float], *, start: float, end: float, log: bool = False) -> Scale:
    """A scale with a little space around the values, also around a single one."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if log:
        return Scale(low, high, start, end, log=True)
    # Values that differ only in their last digits count as one.
    apart = high - low > _TOLD_APART * max(abs(low), abs(high))
    air = (high - low if apart else abs(high) or 1.0) * 0.05
    return Scale(low - air, high + air, start, end)


def without_outliers(values: Sequence[float], *, lower_is_better: bool) -> list[float]:
    """The values without a tail of bad ones, which would squeeze all others together."""
    ordered = sorted((v for v in values if math.isfinite(v)), reverse=not lower_is_better)
    if len(ordered) < 5:
        return ordered
    best, median = ordered[0], ordered[len(ordered) // 2]
    far = 4 * abs(median - best)
    return [value for value in ordered if abs(value - best) <= far] if far else ordered


def readable(value: object) -> str:
    """A number with thousands separators, or four digits below 1000; text unchanged; a dash for no value."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.4g}"
    return f"{value:.4g}"


def _linear_ticks(low: float, high: float, about: int) -> list[float]:
    rough = (high - low) / max(1, about)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough)
    first = math.ceil(low / step)
    return [_tidy(i * step) for i in range(first, math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float, about: int) -> list[float]:
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 4, 5, 6, 8)):
        ticks = [tick for e in exponents for f in factors if low <= (tick := _tidy(f * 10.0**e)) <= high]
        if len(ticks) >= about - 1:
            return ticks
    return ticks or [low, high]


def _tidy(value: float) -> float:
    """The value without rounding errors: 0.3 for 0.30000000000000004."""
    return float(f"{value:.12g}")
