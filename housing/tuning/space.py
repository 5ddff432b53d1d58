"""Search spaces: which values each hyperparameter, or each choice of a configuration group, may take.

A value that is fixed for the whole study is a Categorical with one choice.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Literal

ALGORITHM = "algorithm"
"""The group that a search among algorithms chooses from; each one's ranges are named after it: `linear.alpha`."""

Choice = str | int | float | bool
Point = Mapping[str, Choice]
"""A value for each name of a search space."""


@dataclass(frozen=True)
class Condition:
    """The hyperparameter exists only where another one has one of these values."""

    parameter: str
    is_in: tuple[Choice, ...]


@dataclass(frozen=True)
class Float:
    """Any value in [low, high], or every `step` from `low`; uniform in log(value) when `log`."""

    low: float
    high: float
    type: Literal["float"] = "float"
    log: bool = False
    step: float | None = None
    only_if: Condition | None = None

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, log=self.log, step=self.step)

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, float | int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (self.step is None or _on_grid(value, low=self.low, step=self.step))
        )


@dataclass(frozen=True)
class Int:
    """Any whole number in [low, high], or every `step` from `low`; uniform in log(value) when `log`."""

    low: int
    high: int
    type: Literal["int"] = "int"
    log: bool = False
    step: int = 1
    only_if: Condition | None = None

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high, log=self.log, step=self.step if self.step != 1 else None)

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, int)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
            and (value - self.low) % self.step == 0
        )


@dataclass(frozen=True)
class Categorical:
    """One of `choices`; their order means nothing."""

    choices: tuple[Choice, ...]
    type: Literal["categorical"] = "categorical"
    only_if: Condition | None = None

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("choices must not be empty")
        if len(set(self.choices)) != len(self.choices):
            raise ValueError(f"choices must differ from each other, got {list(self.choices)}")

    def __contains__(self, value: object) -> bool:
        return value in self.choices


Distribution = Float | Int | Categorical
SearchSpace = Mapping[str, Distribution]


def interval(low: float, high: float, *, log: bool = False) -> Float | Int:
    """What `interval(low, high)` means on the command line: whole numbers between two whole numbers, else any."""
    if isinstance(low, int) and isinstance(high, int):
        return Int(low, high, log=log)
    return Float(low, high, log=log)


def stepped(start: float, stop: float, step: float = 1) -> Float | Int:
    """What `range(start, stop, step)` means on the command line: every `step` from `start`, `stop` excluded."""
    if not step > 0 or not start < stop:
        raise ValueError(f"a range needs start < stop and step > 0, got {start}, {stop} and {step}")
    last = tidy(start + step * (math.ceil(tidy((stop - start) / step)) - 1))
    if isinstance(start, int) and isinstance(step, int):
        return Int(start, int(last), step=step)
    return Float(start, last, step=step)


def faults(space: SearchSpace) -> list[str]:
    """What is wrong between the parameters: conditions on unknown names or impossible values, and circles."""
    found = []
    for name, distribution in space.items():
        condition = distribution.only_if
        if condition is None:
            continue
        if condition.parameter not in space:
            known = ", ".join(n for n in space if n != name)
            found.append(
                f"{name}.only_if.parameter: no {condition.parameter!r} in this search space, which has {known}"
            )
            continue
        impossible = [v for v in condition.is_in if v not in space[condition.parameter]]
        if impossible or not condition.is_in:
            never = ", ".join(map(str, impossible)) or "one of no values"
            found.append(f"{name}.only_if.is_in: {condition.parameter} can never be {never}")
    try:
        order(space)
    except CycleError as error:
        circle = error.args[1]
        found.append(f"{circle[0]}.only_if: goes in a circle, {' -> '.join(circle)}")
    return found


def order(space: SearchSpace) -> list[str]:
    """The names, each after the one that its condition depends on; raises CycleError."""
    graph = {name: [d.only_if.parameter] if d.only_if else [] for name, d in space.items()}
    return [name for name in TopologicalSorter(graph).static_order() if name in space]


def is_active(distribution: Distribution, values: Point) -> bool:
    """Whether its condition holds where the parameters before it, in `order`, have these values."""
    condition = distribution.only_if
    return condition is None or (condition.parameter in values and values[condition.parameter] in condition.is_in)


def lies_in(point: Point, space: SearchSpace) -> bool:
    """Whether it has a value in range for each parameter that exists there, and no other."""
    active = [name for name in order(space) if is_active(space[name], point)]
    return set(active) == set(point) and all(point[name] in space[name] for name in active)


def is_nested(space: SearchSpace) -> bool:
    """Whether it searches among algorithms, with ranges named after the algorithm that has them."""
    return ALGORITHM in space and any("." in name for name in space)


def bare(name: str) -> str:
    """A hyperparameter's own name: `alpha` of `linear.alpha`, where a space searches among algorithms."""
    return name.rpartition(".")[2]


def partition(space: SearchSpace, *, groups: Collection[str]) -> tuple[SearchSpace, SearchSpace]:
    """The hyperparameters, and the choices over configuration groups (`features: [plain, domain]`) by group name."""
    hyperparameters = {name: d for name, d in space.items() if name not in groups}
    return hyperparameters, {name: d for name, d in space.items() if name in groups}


def grid_values(distribution: Distribution) -> Sequence[Choice] | None:
    """All values, lowest first; None when they cannot be listed."""
    match distribution:
        case Categorical(choices=choices):
            return choices
        case Int(low=low, high=high, step=step):
            return range(low, high + 1, step)
        case Float(low=low, high=high, step=step):
            if low == high:
                return (low,)
            if step is None:
                return None
            return [tidy(low + i * step) for i in range(math.floor(tidy((high - low) / step)) + 1)]


def grid_size(space: SearchSpace) -> int | None:
    """How many points there are at most (conditions leave fewer); None when they cannot be counted."""
    size = 1
    for distribution in space.values():
        values = grid_values(distribution)
        if values is None:
            return None
        size *= len(values)
    return size


def grid(space: SearchSpace) -> Iterator[dict[str, Choice]]:
    """Every point of a countable space once, the first parameter changing slowest."""
    names = order(space)

    def below(depth: int, values: dict[str, Choice]) -> Iterator[dict[str, Choice]]:
        if depth == len(names):
            yield dict(values)
            return
        name = names[depth]
        if not is_active(space[name], values):
            yield from below(depth + 1, values)
            return
        for value in grid_values(space[name]) or ():
            yield from below(depth + 1, {**values, name: value})

    return below(0, {})


def unequal_lengths(space: SearchSpace) -> dict[str, int]:
    """The number of values of each name with more than one, if these numbers differ; else empty.

    Every name must have values that can be listed.
    """
    lengths = {name: len(grid_values(distribution) or ()) for name, distribution in space.items()}
    several = {name: length for name, length in lengths.items() if length > 1}
    return several if len(set(several.values())) > 1 else {}


def zipped(space: SearchSpace) -> list[dict[str, Choice]]:
    """The first values together, then the second ones, and so on; a single value is in every point."""
    values = {name: grid_values(distribution) or () for name, distribution in space.items()}
    names, points = order(space), list[dict[str, Choice]]()
    for place in range(max(map(len, values.values()), default=0)):
        point: dict[str, Choice] = {}
        for name in names:
            if is_active(space[name], point):
                point[name] = values[name][place if len(values[name]) > 1 else 0]
        points.append({name: point[name] for name in space if name in point})
    return points


def described(distribution: Distribution) -> str:
    """The allowed values, for error messages."""
    if isinstance(distribution, Categorical):
        return f"one of {', '.join(map(str, distribution.choices))}"
    kind = "a whole number" if isinstance(distribution, Int) else "a number"
    steps = "" if distribution.step in (None, 1) else f" in steps of {distribution.step} from {distribution.low}"
    return f"{kind} in [{distribution.low}, {distribution.high}]{steps}"


def identity(point: Point) -> frozenset[tuple[str, Choice]]:
    """Equal for points that differ only in the order of names and the last bits of floats."""
    return frozenset((name, tidy(value) if isinstance(value, float) else value) for name, value in point.items())


def tidy(value: float) -> float:
    """Without the noise that adding up steps leaves in the last bits: 0.3, not 0.30000000000000004."""
    return float(f"{value:.12g}")


def _on_grid(value: float, *, low: float, step: float) -> bool:
    steps = (value - low) / step
    return abs(steps - round(steps)) < 1e-8


def _check_bounds(low: float, high: float, *, log: bool, step: float | None) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"low and high must be finite, got low={low} and high={high}")
    if low > high:
        raise ValueError(f"low must not exceed high, got low={low} and high={high}")
    if log and low <= 0:
        raise ValueError(f"a log scale needs low > 0, got low={low}")
    if step is not None and step <= 0:
        raise ValueError(f"step must be more than 0, got {step}")
    if log and step is not None:
        raise ValueError("a log scale cannot have a step")
