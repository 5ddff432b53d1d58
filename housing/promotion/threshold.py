"""From the probability of the positive level to a level: a threshold that is declared, or chosen on labelled rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.tasks import base as tasks
from housing.tasks.base import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Cost:
    """What each kind of error costs, in any unit of which only the ratio counts."""

    false_positive: float = 1.0
    false_negative: float = 1.0

    def __post_init__(self) -> None:
        for key in ("false_positive", "false_negative"):
            if not getattr(self, key) > 0:
                raise ValueError(f"{key} must be more than 0, got {getattr(self, key)}")


@dataclass(frozen=True)
class ChosenThreshold:
    """The threshold that is best on the validation part: by a metric of levels, or by what errors cost."""

    maximise: str | None = None
    cost: Cost | None = None

    def __post_init__(self) -> None:
        if (self.maximise is None) == (self.cost is None):
            raise ValueError("give maximise, such as f1, or cost, such as {false_positive: 1, false_negative: 5}")
        if self.maximise is None:
            return
        able = {name for task in tasks.names() if tasks.find(task).has_positive_level for name in maximisable(task)}
        if self.maximise not in able:
            raise ValueError(f"maximise must be one of {', '.join(sorted(able))}, got {self.maximise}")


def maximisable(task: str) -> list[str]:
    """The metrics of a task with a positive level that a threshold decides, of which more is better."""
    return [
        name
        for name, metric in tasks.metrics(task).items()
        if metric.direction == "maximize" and not metric.of_probabilities
    ]


def choose(task: str, rule: ChosenThreshold, label: NDArray[np.float64], chances: NDArray[np.float64]) -> float:
    """The best threshold for labels (rows,), 1 for the positive level, by its probability, (rows,).

    It lies half way between two probabilities that occur, or at 0 or 1; of equally good ones the nearest to 0.5 is
    taken.
    """
    import numpy as np

    distinct = np.unique(chances)
    between = (distinct[:-1] + distinct[1:]) / 2
    candidates = np.concatenate([[0.0], between, [1.0]])
    values = np.array([_merit(task, rule, label, chances, threshold) for threshold in candidates.tolist()])
    best = candidates[values == values.max()]
    return float(best[np.abs(best - 0.5).argmin()])


def _merit(
    task: str, rule: ChosenThreshold, label: NDArray[np.float64], chances: NDArray[np.float64], threshold: float
) -> float:
    predictions: Predictions = tasks.find(task).predictions(chances, threshold=threshold)
    if rule.maximise is not None:
        return tasks.metrics(task)[rule.maximise].compute(label, predictions)
    assert rule.cost is not None  # one of the two is given
    false_positives = float(((predictions.values == 1) & (label == 0)).sum())
    false_negatives = float(((predictions.values == 0) & (label == 1)).sum())
    return -(rule.cost.false_positive * false_positives + rule.cost.false_negative * false_negatives)
