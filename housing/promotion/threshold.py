"""The threshold from which on the positive level is predicted: declared, or chosen on labelled rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.nearest import nearest
from housing.tasks import base as tasks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_CANDIDATES = 1000
"""For metrics, which are computed over all rows for each candidate."""


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
            near = nearest(self.maximise, able)
            hint = f"; did you mean {near}?" if near else ""
            raise ValueError(f"maximise must be one of {', '.join(sorted(able))}, got {self.maximise}{hint}")


def maximisable(task: str) -> list[str]:
    """The metrics of a binary task that depend on the threshold and are to be maximised."""
    return [
        name
        for name, metric in tasks.metrics(task).items()
        if metric.direction == "maximize" and not metric.of_probabilities
    ]


def choose(
    task: str,
    rule: ChosenThreshold,
    label: NDArray[np.float64],
    chances: NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """The best of `candidates`, given labels (rows,), 1 for the positive level, and its probabilities `chances`,
    (rows,).

    Of equally good ones the one nearest to 0.5 is taken. `weights` (rows,) say how much each row counts.
    """
    import numpy as np

    if rule.cost is not None:
        offered = candidates(label, chances, most=None)
        # The weight below each candidate, without a pass over all rows for each.
        weigh = np.ones(len(label)) if weights is None else weights
        below = {level: _weight_below(chances[label == level], weigh[label == level], offered) for level in (0, 1)}
        false_positives = weigh[label == 0].sum() - below[0]
        values = -(rule.cost.false_positive * false_positives + rule.cost.false_negative * below[1])
    else:
        assert rule.maximise is not None  # one of the two is given
        offered = candidates(label, chances)
        asked, metric = tasks.find(task), tasks.metrics(task)[rule.maximise]
        answers = (asked.predictions(chances, threshold=one) for one in offered.tolist())
        count = weights if metric.weighs else None
        values = np.array([metric.compute(label, one.weighed(count)) for one in answers])
    best = offered[values == values.max()]
    return float(best[np.abs(best - 0.5).argmin()])


def _weight_below(
    chances: NDArray[np.float64], weights: NDArray[np.float64], offered: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(offered,) The total weight of the rows whose probability is below each candidate."""
    import numpy as np

    order = np.argsort(chances)
    sums = np.concatenate([[0.0], weights[order].cumsum()])
    found: NDArray[np.float64] = sums[np.searchsorted(chances[order], offered)]
    return found


def candidates(
    label: NDArray[np.float64], chances: NDArray[np.float64], *, most: int | None = _MOST_CANDIDATES
) -> NDArray[np.float64]:
    """Thresholds to choose from, ascending: 0, 1, and the midpoints between neighbouring probabilities that occur.

    With more than `most`, those are kept that divide the rows, and the (perhaps few) positive rows, most evenly.
    """
    import numpy as np

    distinct = np.unique(chances)
    between = (distinct[:-1] + distinct[1:]) / 2
    if most is not None and len(between) > most:
        shares = np.linspace(0, 1, most // 2)
        quantiles = [np.quantile(some, shares, method="lower") for some in (chances, chances[label == 1]) if len(some)]
        # The candidate just below each quantile, so that the positive row there is still predicted positive.
        places = np.unique(np.searchsorted(distinct, np.concatenate(quantiles))) - 1
        between = between[places[places >= 0]]
    return np.concatenate([[0.0], between, [1.0]])
