"""The promotion gate, and the intervals of what is promoted, as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from housing.nearest import nearest

BY_LEVEL = ("recall", "precision", "f1")
"""Metrics that each level of a label has."""


@dataclass(frozen=True)
class IntervalRule:
    """The range, or the levels, that a promoted model gives beside a prediction: they hold the truth so often.

    Learnt from the errors of fits to fewer rows: of the validation part, or out of fold where `study.folds` has some.
    """

    coverage: float | None = None
    """share of rows whose truth is to be held, such as 0.9; null: none are learnt"""
    by: str | None = None
    """a column with levels: the share is held within each of them, where it has rows enough"""
    scaled: bool = False
    """of a number: wider where a second model expects larger errors, by the columns of the row"""

    def __post_init__(self) -> None:
        if self.coverage is not None and not 0.5 <= self.coverage <= 0.99:
            raise ValueError(f"coverage must lie in [0.5, 0.99], got {self.coverage:g}")


@dataclass(frozen=True)
class Gate:
    """Rules that a candidate must pass before an alias moves; both models answer the same test rows.

    `better` asks that the candidate's improvement over the champion reaches `margin`, in the metric's unit;
    `clearly_better` asks it of the low end of the improvement's bootstrap interval, `not_clearly_worse` of its high
    end, and `nothing` does not compare.
    """

    metric: str | None = None
    """metric on the test part; null: the first one of the task, such as mae or log_loss"""
    at_most: float | None = None
    """largest value of the metric that passes, in its unit; null for any"""
    at_least: float | None = None
    """smallest value of the metric that passes, in its unit; null for any"""
    worst_class: Mapping[str, float] = field(default_factory=dict)
    """least value of a metric by level (recall, precision or f1) that the worst level of the label must reach"""
    beats: Literal["naive"] | None = None
    """naive: it must be better than the best answer that ignores every column; null: it need not"""
    against_champion: Literal["clearly_better", "better", "not_clearly_worse", "nothing"] = "better"
    """what the improvement over the champion must show"""
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
        for name, limit in self.worst_class.items():
            if name not in BY_LEVEL:
                near = nearest(name, BY_LEVEL)
                hint = f"; did you mean {near}?" if near else ""
                raise ValueError(f"worst_class.{name}: must be one of {', '.join(BY_LEVEL)}{hint}")
            if not 0 <= limit <= 1:
                raise ValueError(f"worst_class.{name}: is a share: it must lie in [0, 1], got {limit}")
