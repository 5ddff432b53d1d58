"""Where a value stands on an axis, which values are worth a tick, and how a number reads there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_TOLD_APART = 1e-9


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` onto pixels from `start` to `end`, even in log(value) when `log`."""

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
        """Round values within the scale, lowest first, roughly as many as asked for."""
        if not self.high > self.low:
            return [self.low]
        return _log_ticks(self.low, self.high, about) if self.log else _linear_ticks(self.low, self.high, about)

    def inside(self, value: float) -> float:
        """The value, or the end of the scale that it lies beyond."""
        return min(max(value, self.low), self.high)


def spanning(values: Iterable[float], *, start: float, end: float, log: bool = False) -> Scale:
    """A scale with a little air around the values; around a single one as well."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if log:
        return Scale(low, high, start, end, log=True)
    # Values that differ in the last digits alone are one value to a reader.
    apart = high - low > _TOLD_APART * max(abs(low), abs(high))
    air = (high - low if apart else abs(high) or 1.0) * 0.05
    return Scale(low - air, high + air, start, end)


def without_outliers(values: Sequence[float], *, lower_is_better: bool) -> list[float]:
    """The values but for a bad tail, which would press everything that matters into one line."""
    ordered = sorted((v for v in values if math.isfinite(v)), reverse=not lower_is_better)
    if len(ordered) < 5:
        return ordered
    best, median = ordered[0], ordered[len(ordered) // 2]
    far = 4 * abs(median - best)
    return [value for value in ordered if abs(value - best) <= far] if far else ordered


def readable(value: object) -> str:
    """Thousands separated, four digits of anything smaller; text as it is, an absent value as a dash."""
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
    """0.3 where the arithmetic gives 0.30000000000000004."""
    return float(f"{value:.12g}")
