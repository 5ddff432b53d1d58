"""A study's proposals, their evaluations, and the finished trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from housing.tuning.space import Point

Direction = Literal["minimize", "maximize"]

State = Literal["complete", "pruned", "failed", "interrupted"]
"""How a trial ended: with its values, pruned early, with an error, or because the study was stopped."""


class Report(Protocol):
    """Receives the progress of a running trial, from any thread."""

    def __call__(self, step: int, value: float) -> bool:
        """Note the objective after a round (or a fold), counted from 0; True asks the trial to stop."""

    def stopping(self) -> bool:
        """Whether the trial has been asked to stop."""


@dataclass(frozen=True)
class Trial:
    """One proposal. `parameters` holds only those whose condition is true; numbers count from 0.

    `configured`: they are the configuration's own, in the space or not.
    """

    number: int
    parameters: Point
    configured: bool = False


@dataclass(frozen=True)
class Evaluation:
    """`values` has one number for each objective, in order; `stopped` tells that a Report ended the trial early.

    `reused` tells that they are those of an earlier trial, found in the record. `fits` has the first objective of each
    fit where a trial is the mean over several.
    """

    values: tuple[float, ...]
    stopped: bool = False
    reused: bool = False
    fits: tuple[float, ...] = ()


@dataclass(frozen=True)
class FinishedTrial:
    """`values` is None if nothing was measured; `reports` maps round to objective, as far as it was reported.

    `fits` as in `Evaluation`.
    """

    number: int
    parameters: Point
    state: State
    values: tuple[float, ...] | None = None
    seconds: float = 0.0
    error: str | None = None
    reports: Mapping[int, float] = field(default_factory=dict)
    reused: bool = False
    fits: tuple[float, ...] = ()


def costs(values: tuple[float, ...], directions: tuple[Direction, ...]) -> tuple[float, ...]:
    """The same values with lower always better."""
    return tuple(v if d == "minimize" else -v for v, d in zip(values, directions, strict=True))


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """True when the costs of `one` are nowhere higher than those of `other` and somewhere lower."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
