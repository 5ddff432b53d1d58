"""A study as declared: who proposes trials, how many, how many at once, by which metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Study:
    """`objective` is `<channel>_<metric>`; its direction belongs to the metric."""

    name: str
    sampler: Literal["grid", "random", "tpe"]
    trials: int
    parallel: int = 1
    objective: str = "validation_mae"
    startup_trials: int = 3

    def __post_init__(self) -> None:
        for key in ("trials", "parallel", "startup_trials"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} must be 1 or more, got {getattr(self, key)}")
