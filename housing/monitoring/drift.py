"""How far the rows that an endpoint saw are from those that its model was trained on. Decides; reads nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

_SMOOTHING = 0.5


def stability_index(reference: Sequence[int], seen: Sequence[int]) -> float:
    """The population stability index between two histograms over the same bins, given as counts; 0 when they agree.

    Half a row is added to every bin, so that an empty one gives a large number and not an infinite one.
    """
    width = len(reference)
    expected_total, seen_total = sum(reference) + _SMOOTHING * width, sum(seen) + _SMOOTHING * width
    index = 0.0
    for expected, found in zip(reference, seen, strict=True):
        p, q = (found + _SMOOTHING) / seen_total, (expected + _SMOOTHING) / expected_total
        index += (p - q) * math.log(p / q)
    return index


def index_by_chance(bins: int, reference_rows: int, seen_rows: int, *, chance: float) -> float:
    """The index that two samples of one distribution pass with probability `chance`.

    It is (1/n + 1/m) times a chi-square variable with `bins - 1` degrees of freedom (Yurdakul 2018), whose quantile is
    that of Wilson and Hilferty (1931).
    """
    freedom = bins - 1
    if freedom == 0:
        return 0.0
    spread = 2 / (9 * freedom)
    quantile = freedom * (1 - spread + NormalDist().inv_cdf(1 - chance) * math.sqrt(spread)) ** 3
    return quantile * (1 / reference_rows + 1 / seen_rows)
