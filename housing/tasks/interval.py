"""How sure a metric is over so many rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from housing.tasks.base import Metric, Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_DRAWS, _LEAST_DRAWS = 200, 20
_CELLS = 100_000_000


def draws(predictions: Predictions) -> int:
    """How many a report takes: fewer over many rows and levels, where an interval is narrow and a draw takes long."""
    chances = predictions.probabilities
    cells = (predictions.values if chances is None else chances).size
    return max(_LEAST_DRAWS, min(_MOST_DRAWS, _CELLS // max(1, cells)))


def interval(
    metric: Metric,
    label: NDArray[np.float64],
    predictions: Predictions,
    *,
    resamples: int,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[float, float] | None:
    """A percentile bootstrap over the rows (Efron and Tibshirani 1993, chapter 13); None where no draw has a value."""
    import numpy as np

    generator, rows = np.random.RandomState(seed), len(label)
    picked = (generator.randint(0, rows, rows) for _ in range(resamples))
    values = np.array([metric.compute(label[some], predictions.take(some)) for some in picked])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [50 * (1 - confidence), 50 * (1 + confidence)])
    return float(low), float(high)
