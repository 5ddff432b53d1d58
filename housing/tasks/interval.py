"""How sure a metric is over so many rows."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from housing.tasks import resampling
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
    """A percentile bootstrap over the rows; None where no draw has a value."""
    drawn = resampling.draws(label, resamples, seed=seed)
    values = [metric.compute(labels, predictions.take(rows)) for labels, rows in drawn]
    low, high = resampling.percentile_interval(values, confidence)
    return None if isnan(low) else (low, high)
