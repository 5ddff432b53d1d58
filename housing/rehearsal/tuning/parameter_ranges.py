"""The ranges of a tuning job as a unit cube: one side from 0 to 1 per hyperparameter, by its scaling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from housing.rehearsal.responses import refused, unsupported

Scaling = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]
Point = tuple[float, ...]
_WIDE = 1000  # a range with scaling Auto is logarithmic from this ratio of its ends on


@dataclass(frozen=True)
class Number:
    name: str
    low: float
    high: float
    scaling: Scaling
    whole: bool

    @property
    def count(self) -> float:
        return self.high - self.low + 1 if self.whole else math.inf

    def text(self, side: float) -> str:
        """The value at a position from 0 to 1, as text."""
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)
        if self.scaling == "Logarithmic":
            low = max(low, self.low / 2)
            value = math.exp(math.log(low) + side * (math.log(high) - math.log(low)))
        elif self.scaling == "ReverseLogarithmic":
            ends = math.log(1 - low), math.log(1 - high)
            value = 1 - math.exp(ends[0] + side * (ends[1] - ends[0]))
        else:
            value = low + side * (high - low)
        inside = min(max(round(value) if self.whole else value, self.low), self.high)
        return str(int(inside)) if self.whole else repr(float(inside))

    def side(self, text: str) -> float:
        """The position of a value, possibly from an earlier job's range; clipped to [0, 1]."""
        value = min(max(float(text), self.low), self.high)
        if self.high == self.low:
            return 0.5
        if self.scaling == "Logarithmic":
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        if self.scaling == "ReverseLogarithmic":
            return (math.log(1 - value) - math.log(1 - self.low)) / (math.log(1 - self.high) - math.log(1 - self.low))
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Choice:
    name: str
    values: tuple[str, ...]

    @property
    def count(self) -> float:
        return len(self.values)

    def text(self, side: float) -> str:
        return self.values[min(int(side * len(self.values)), len(self.values) - 1)]

    def side(self, text: str) -> float:
        """The middle of the part of the side that belongs to this category."""
        number = self.values.index(text) if text in self.values else 0
        return (number + 0.5) / len(self.values)


Range = Number | Choice


@dataclass(frozen=True)
class Space:
    """All ranges, in the order of the request."""

    ranges: tuple[Range, ...]

    @property
    def count(self) -> float:
        """How many different points there are."""
        return math.prod(side.count for side in self.ranges)

    def values(self, point: Point) -> dict[str, str]:
        return {side.name: side.text(place) for side, place in zip(self.ranges, point, strict=True)}

    def point(self, values: Mapping[str, str]) -> Point | None:
        """The point of these values; None when one is missing, as from a job with other tuned hyperparameters."""
        if any(side.name not in values for side in self.ranges):
            return None
        return tuple(side.side(values[side.name]) for side in self.ranges)


def space(ranges: Mapping[str, Any]) -> Space:
    """The space of a request's ParameterRanges. Raises ApiError."""
    if ranges.get("AutoParameters"):
        raise unsupported("AutoParameters are not supported by the rehearsal: give each hyperparameter its range.")
    sides: list[Range] = []
    for kind in ("Integer", "Continuous"):
        sides += [_number(given, whole=kind == "Integer") for given in ranges.get(f"{kind}ParameterRanges", [])]
    sides += [Choice(given["Name"], tuple(given["Values"])) for given in ranges.get("CategoricalParameterRanges", [])]
    names = [side.name for side in sides]
    if not names:
        raise refused("The hyperparameter tuning job needs at least one hyperparameter range to tune.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise refused(f"Hyperparameter ranges must have unique names, got {', '.join(twice)} more than once.")
    return Space(tuple(sides))


def _number(given: Mapping[str, Any], *, whole: bool) -> Number:
    name = given["Name"]
    try:
        low, high = (float(int(given[end])) if whole else float(given[end]) for end in ("MinValue", "MaxValue"))
    except ValueError:
        kind = "an integer" if whole else "a number"
        raise refused(
            f"Range of {name}: MinValue and MaxValue must be {kind}, got {given['MinValue']} and {given['MaxValue']}."
        ) from None
    if not low < high:
        raise refused(f"Range of {name}: MinValue {given['MinValue']} must be less than MaxValue {given['MaxValue']}.")
    scaling = given.get("ScalingType", "Auto")
    if scaling == "Logarithmic" and low <= 0:
        raise refused(f"Range of {name}: MinValue must be greater than 0 for logarithmic scaling, got {low:g}.")
    if scaling == "ReverseLogarithmic" and (whole or low < 0 or high >= 1):
        raise refused(
            f"Range of {name}: reverse logarithmic scaling is for continuous ranges within [0, 1), got "
            f"{given['MinValue']} to {given['MaxValue']}."
        )
    if scaling == "Auto":
        scaling = "Logarithmic" if low > 0 and high / low >= _WIDE else "Linear"
    return Number(name, low, high, scaling, whole)
