"""Search spaces: which values each hyperparameter may take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Choice = str | int | float | bool


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
        raise ValueError("a log scale takes no step")
