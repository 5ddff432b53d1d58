"""The promotion gate as declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Gate:
    """Rules that a candidate must pass before an alias moves; both models answer the same test rows.

    The bootstrap interval of the candidate's improvement over the champion, in the metric's unit, decides:
    `clearly_better` asks for its low end to reach `margin`, `not_clearly_worse` for its high end, `nothing` compares not.
    """

    metric: str = "mae"
    """metric on the test part: mae, rmse, mape or rmsle"""
    at_most: float | None = None
    """absolute limit in the metric's unit; null for none"""
    against_champion: Literal["clearly_better", "not_clearly_worse", "nothing"] = "not_clearly_worse"
    """what the improvement's interval must show"""
    margin: float = 0.0
    """improvement to reach, in the metric's unit"""
    confidence: float = 0.95
    """of the interval"""
    resamples: int = 2000
    """draws of the bootstrap"""
    alias: str = "champion"
    """the alias that a candidate gets when it passes"""

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence must lie in [0.5, 1), got {self.confidence}")
        if self.resamples < 100:
            raise ValueError(f"resamples must be 100 or more, got {self.resamples}")
