"""How the variants of an endpoint compare: what they were asked, how they failed, how far they erred. Reads nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist
from typing import TYPE_CHECKING

from housing.promotion.gate import improvement
from housing.promotion.spec import Gate
from housing.training.metrics import METRICS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEAST_ROWS = 10
"""Labelled rows that a variant must have answered before its error is told."""


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How much better a variant is than the first one, above 0; `paired` when both answered the very same rows."""

    variant: str
    first: str
    better_by: Interval
    rows: int
    paired: bool

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 on one side."""
        return self.better_by.low > 0 or self.better_by.high < 0


@dataclass(frozen=True)
class Errors:
    """`errors` by variant; those with too few labelled rows are left out, and their count is in `rows` all the same."""

    metric: str
    rows: Mapping[str, int]
    errors: Mapping[str, Interval]
    differences: tuple[Difference, ...]


def failure_share(failures: int, invocations: int, *, confidence: float) -> Interval | None:
    """With Wilson's interval, which holds for few failures too; None when nobody has asked."""
    if not invocations:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = failures / invocations
    middle = (share + z * z / (2 * invocations)) / (1 + z * z / invocations)
    width = z * math.sqrt(share * (1 - share) / invocations + (z / (2 * invocations)) ** 2) / (1 + z * z / invocations)
    return Interval(share, max(0.0, middle - width), min(1.0, middle + width))


def errors(
    answers: Mapping[str, Mapping[str, float]], labels: Mapping[str, float], rules: Gate, *, seed: int
) -> Errors:
    """Judge by the gate's metric, confidence and resamples. `answers` map variant and row to a prediction.

    Each variant is held against the first one: over the rows that both have answered, where there are enough, which
    tells a difference the sooner; else over the rows that either has, as of two samples.
    """
    labelled = {
        variant: {row: value for row, value in rows.items() if row in labels} for variant, rows in answers.items()
    }
    judged = [variant for variant, rows in labelled.items() if len(rows) >= LEAST_ROWS]
    found = {variant: _error(labelled[variant], labels, rules, seed=seed) for variant in judged}
    differences = [
        _difference(judged[0], other, labelled, labels, rules, seed=seed) for other in islice(judged, 1, None)
    ]
    counts = {variant: len(rows) for variant, rows in labelled.items()}
    return Errors(rules.metric, counts, found, tuple(differences))


def _error(rows: Mapping[str, float], labels: Mapping[str, float], rules: Gate, *, seed: int) -> Interval:
    draws, value = _resampled(rows, labels, rules, seed=seed)
    return Interval(value, *_ends(draws, rules))


def _difference(
    first: str,
    other: str,
    labelled: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, float],
    rules: Gate,
    *,
    seed: int,
) -> Difference:
    both = [row for row in labelled[first] if row in labelled[other]]
    if len(both) >= LEAST_ROWS:
        better = improvement(
            rules.metric,
            _array([labels[row] for row in both]),
            candidate=_array([labelled[other][row] for row in both]),
            champion=_array([labelled[first][row] for row in both]),
            confidence=rules.confidence,
            resamples=rules.resamples,
            seed=seed,
        )
        return Difference(other, first, Interval(*better), len(both), paired=True)
    sign = 1.0 if METRICS[rules.metric].direction == "minimize" else -1.0
    # Two samples are drawn from independently.
    draws, value = _resampled(labelled[first], labels, rules, seed=seed)
    others, other_value = _resampled(labelled[other], labels, rules, seed=seed + 1)
    rows = len(labelled[first]) + len(labelled[other])
    better_by = Interval(sign * (value - other_value), *_ends(sign * (draws - others), rules))
    return Difference(other, first, better_by, rows, paired=False)


def _resampled(
    rows: Mapping[str, float], labels: Mapping[str, float], rules: Gate, *, seed: int
) -> tuple[NDArray[np.float64], float]:
    """The metric over rows drawn with replacement, once a resample; and over the rows as they are."""
    import numpy as np

    label, answer = _array([labels[row] for row in rows]), _array(list(rows.values()))
    compute = METRICS[rules.metric].compute
    generator = np.random.RandomState(seed)
    picked = (generator.randint(0, len(label), len(label)) for _ in range(rules.resamples))
    return np.array([compute(label[rows], answer[rows]) for rows in picked]), compute(label, answer)


def _ends(draws: NDArray[np.float64], rules: Gate) -> tuple[float, float]:
    import numpy as np

    tail = 100 * (1 - rules.confidence) / 2
    low, high = np.percentile(draws, [tail, 100 - tail])
    return float(low), float(high)


def _array(values: Sequence[float]) -> NDArray[np.float64]:
    import numpy as np

    return np.array(values, np.float64)
