"""Which models answer best together, and by what weights: Caruana's greedy selection with replacement.

R. Caruana, A. Niculescu-Mizil, G. Crew, A. Ksikes: Ensemble Selection from Libraries of Models, ICML 2004. It begins
with the best model and goes on adding the one that helps most, again and again: how often one was taken is its weight.
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
"""More make weights finer than a validation part can tell."""


def chosen(answers: Sequence[Floats], cost: Callable[[Floats], float], *, most: int) -> list[float]:
    """The weight of each model, summing to 1; 0 for all but `most` of them.

    `answers` are of the same rows, none of which a model was fitted to, those of the best model first; `cost` is of a
    mean of them, less is better. The first model alone is the least that it can come to.
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
