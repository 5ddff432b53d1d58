"""Selects and weights the members of an ensemble: Caruana's greedy selection with replacement.

R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes: Ensemble Selection from Libraries of Models, ICML 2004. It begins
with the best model and repeatedly adds the one that helps most: a model's weight is how often it was added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STEPS = 25
"""More steps would make weights finer than a validation part can distinguish."""


def chosen(answers: Sequence[Floats], cost: Callable[[Floats], float], *, most: int) -> list[float]:
    """The weight of each model, summing to 1; 0 for all but `most` of them.

    `answers` are the models' outputs, the best model's first, for the same rows, to which none was fitted; `cost` is of
    a mean of them, lower is better. The result is never worse than the first model alone.
    """
    import numpy as np

    first = np.asarray(answers[0], np.float64)
    taken, total, least = [0], first, cost(first)
    kept = 1
    for step in range(1, _STEPS):
        open_to = range(len(answers)) if len(set(taken)) < most else sorted(set(taken))
        costs = {place: cost((total + answers[place]) / (step + 1)) for place in open_to}
        best = min(costs, key=lambda place: (costs[place], place))
        taken, total = [*taken, best], total + answers[best]
        if costs[best] < least:
            least, kept = costs[best], len(taken)
    counted = Counter(taken[:kept])
    return [counted[place] / kept for place in range(len(answers))]
