"""Selects and weights the members of an ensemble: Caruana's greedy selection with replacement.

R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes: Ensemble Selection from Libraries of Models, ICML 2004. It begins
with the best model and repeatedly adds the one that helps most: a model's weight is how often it was added. On a few
hundred rows one such selection follows their luck; the mean of several, each on a bootstrap sample of them, does less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.int64]
    Cost = Callable[[Floats, Places], float]
    """Of answers for the rows at these places; lower is better."""

_STEPS = 25
"""More steps would make weights finer than a validation part can distinguish."""


def chosen(answers: Sequence[Floats], cost: Cost, *, most: int, samples: int = 1, seed: int = 0) -> list[float]:
    """The weight of each model, summing to 1; 0 for all but `most` of them.

    `answers` are the models' outputs, the best model's first, for the same rows, to which none was fitted. With one of
    `samples` it is a selection on these rows, else the mean of selections on so many draws of them, by `seed`. The
    result is never worse on all rows than the first model alone.
    """
    import numpy as np

    stacked = np.asarray(answers, np.float64)
    everywhere = np.arange(stacked.shape[1])
    if samples > 1:
        draws = np.random.default_rng(seed).integers(len(everywhere), size=(samples, len(everywhere)))
        drawn = np.mean([_selected(stacked[:, places], partial(_at, cost, places), most) for places in draws], axis=0)
        weights = _largest(drawn, most)
        if cost(np.tensordot(weights, stacked, 1), everywhere) <= cost(stacked[0], everywhere):
            return [float(weight) for weight in weights]
    return [float(weight) for weight in _selected(stacked, partial(_at, cost, everywhere), most)]


def _at(cost: Cost, places: Places, mean: Floats) -> float:
    return cost(mean, places)


def _selected(answers: Floats, cost: Callable[[Floats], float], most: int) -> Floats:
    """The weights of one greedy selection, up to the step that is best; `answers` is (models, rows, ...)."""
    import numpy as np

    taken: list[int] = []
    total, least, kept = np.zeros_like(answers[0]), np.inf, 1
    for step in range(1, _STEPS + 1):
        open_to = range(len(answers)) if len(set(taken)) < most else sorted(set(taken))
        costs = {place: cost((total + answers[place]) / step) for place in open_to}
        best = min(costs, key=lambda place: (costs[place], place))
        taken, total = [*taken, best], total + answers[best]
        if costs[best] < least:
            least, kept = costs[best], step
    counted = Counter(taken[:kept])
    return np.array([counted[place] / kept for place in range(len(answers))])


def _largest(weights: Floats, most: int) -> Floats:
    """The `most` largest weights, made to sum to 1 again; of equal ones the better model's."""
    import numpy as np

    kept = np.zeros_like(weights)
    places = np.argsort(-weights, kind="stable")[:most]
    kept[places] = weights[places]
    return np.asarray(kept / kept.sum())
