"""Confidence intervals of metrics."""

from __future__ import annotations

from math import isnan, pi, sqrt, tan
from statistics import NormalDist
from typing import TYPE_CHECKING

from housing.tasks import resampling
from housing.tasks.base import Metric
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_DRAWS, _LEAST_DRAWS = 200, 20
_CELLS = 100_000_000


def draws(predictions: Predictions) -> int:
    """The number of draws for a report: fewer for many rows and levels, where intervals are narrow and draws slow."""
    chances = predictions.probabilities
    found = predictions.values if chances is None else chances
    cells = found.size // max(1, len(found)) * min(len(found), resampling.MOST_DRAWN)
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
    """A percentile bootstrap over the rows; None if no draw has a value."""
    drawn = resampling.draws(label, resamples, seed=seed)
    values = [metric.compute(labels, predictions.take(rows)) for labels, rows in drawn]
    if (drawn_from := resampling.units(label)) > resampling.MOST_DRAWN:
        values = resampling.scaled(values, metric.compute(label, predictions), drawn_from).tolist()
    low, high = resampling.percentile_interval(values, confidence)
    return None if isnan(low) else (low, high)


def student_t(chance: float, freedom: float) -> float:
    """The value that Student's t exceeds with probability `chance`: exact for one and two degrees of freedom, else by
    Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5), within 1 % from three on."""
    if freedom <= 1:
        return tan(pi * (0.5 - chance))
    if freedom <= 2:
        return (1 - 2 * chance) / sqrt(2 * chance * (1 - chance))
    z = NormalDist().inv_cdf(1 - chance)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
