"""Learns intervals from a model's errors on held-out rows, and measures how often they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.data.intervals import Intervals, Scale, alike_rows, center_of, kept, scores_of
from housing.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.intervals import Ranges
    from housing.promotion.spec import IntervalRule
    from housing.tasks.predictions import Predictions

    Floats = NDArray[np.float64]

LEAST_GROUP = 100
"""Held-out rows that a group needs to have its own scores: with fewer, its coverage would depend on chance."""

_FOLDS = 5
_SMALLEST = 0.1
"""This share of the median error is added to errors before their logarithm is taken, since errors may be 0."""


@dataclass(frozen=True)
class Coverage:
    """The `share` of `rows` whose intervals held the truth, beside the one `declared`, and the intervals' mean size.

    `low` and `high` bound what the share of sound intervals, learnt from so many held-out rows, may be by chance.
    """

    declared: float
    rows: int
    share: float
    low: float
    high: float
    size: float

    @property
    def is_off(self) -> bool:
        """Whether chance does not explain the share."""
        return not self.low <= self.share <= self.high


def fit(
    rule: IntervalRule,
    label: Floats,
    predictions: Predictions,
    *,
    rows: str,
    transform: str,
    matrix: NDArray[np.float32],
    groups: Sequence[str] | None,
    seed: int,
    weights: Floats | None = None,
) -> Intervals:
    """Learn intervals from a label (rows,), `predictions` of a model that has not seen these rows, and the encoded
    rows.

    `groups` is each row's level of `rule.by`; `rows` describes the rows, for messages; `weights` (rows,) say how much
    each counts. Raises DataError where they are too few.
    """
    import numpy as np

    assert rule.coverage is not None  # callers check this
    scale, scales = _scale(label, predictions, transform, matrix, seed=seed) if rule.scaled else (None, None)
    scores = scores_of(label, predictions, transform=transform, scale=scales)
    whole = kept(scores, weights)
    if whole.bound(rule.coverage) is None:
        raise DataError(
            f"intervals.coverage: {rule.coverage:g} cannot be learnt from {len(label):,} {rows}; that takes "
            f"{int(np.ceil(rule.coverage / (1 - rule.coverage) - 1e-9)):,} or more, as by study.folds=5"
        )
    own = {}
    for level in sorted(set(groups or ())):
        there = np.array([group == level for group in groups or ()])
        its = kept(scores[there], None if weights is None else weights[there])
        if its.rows >= LEAST_GROUP and its.bound(rule.coverage) is not None:
            own[level] = its
    least = 0.0 if predictions.probabilities is None and (label >= 0).all() else None
    return Intervals(rule.coverage, whole, least, scale, rule.by, own)


def measured(
    ranges: Ranges, label: Floats, intervals: Intervals, *, chance: float = 0.01, weights: Floats | None = None
) -> Coverage:
    """How often ranges hold the truth. `chance` is how often sound intervals may be out of bounds; `weights` as in
    `fit`.
    """
    import numpy as np

    holds = np.average(ranges.hold(label), weights=weights)
    rows = len(label) if weights is None else alike_rows(weights)
    low, high = bounds(ranges.coverage, learnt_from=intervals.scores.rows, rows=rows, chance=chance)
    if ranges.sets is not None:
        high = 1.0  # sets always include the predicted level: a good model's hold the truth more often
    return Coverage(
        ranges.coverage,
        len(label),
        float(holds),
        low=low,
        high=high,
        size=float(np.average(ranges.sizes, weights=weights)),
    )


def by_group(
    ranges: Ranges,
    label: Floats,
    groups: Sequence[str],
    intervals: Intervals,
    *,
    chance: float = 0.01,
    weights: Floats | None = None,
) -> Mapping[str, Coverage]:
    """`measured` for each group, the largest first; `chance` is divided by the number of groups (Bonferroni)."""
    from collections import Counter

    import numpy as np

    names = [level for level, _ in Counter(groups).most_common()]
    found = {}
    for level in names:
        there = np.array([group == level for group in groups])
        own = intervals.groups.get(level, intervals.scores)
        found[level] = measured(
            taken(ranges, there),
            label[there],
            Intervals(ranges.coverage, own),
            chance=chance / len(names),
            weights=None if weights is None else weights[there],
        )
    return found


def taken(ranges: Ranges, rows: NDArray[np.bool_]) -> Ranges:
    """The ranges of the rows that a mask selects."""
    from housing.data.intervals import Ranges

    low, high = (None if end is None else end[rows] for end in (ranges.low, ranges.high))
    return Ranges(ranges.coverage, low, high, None if ranges.sets is None else ranges.sets[rows])


def bounds(coverage: float, *, learnt_from: int, rows: int, chance: float) -> tuple[float, float]:
    """The bounds of the share of `rows` new rows that intervals hold, exceeded with probability `chance`.

    The number held is beta-binomial, since the intervals were learnt from a random sample, too (Vovk 2012).
    """
    from math import ceil

    from scipy.stats import betabinom

    rank = min(learnt_from, ceil((learnt_from + 1) * coverage - 1e-9))
    held = betabinom(rows, rank, learnt_from + 1 - rank)
    return float(held.ppf(chance / 2)) / rows, float(held.ppf(1 - chance / 2)) / rows


def _scale(
    label: Floats, predictions: Predictions, transform: str, matrix: NDArray[np.float32], *, seed: int
) -> tuple[Scale, Floats]:
    """A second model, of the size of errors, and its out-of-fold predictions for the rows, (rows,)."""
    import numpy as np
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    errors = abs(scores_of(label, predictions, transform=transform))
    middle = float(np.median(errors)) or float(errors.mean()) or 1.0
    target = np.log(errors + _SMALLEST * middle)
    cells = np.column_stack([matrix.astype(np.float64), center_of(predictions, transform)])
    there = np.isfinite(cells)
    means = np.divide(
        np.where(there, cells, 0).sum(axis=0), there.sum(axis=0), out=np.zeros(cells.shape[1]), where=there.any(axis=0)
    )
    cells = np.where(there, cells, means)
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(0, 5, 11)))
    folds = KFold(min(_FOLDS, len(label)), shuffle=True, random_state=seed)
    with threadpool_limits(1, user_api="blas"):  # see `algorithms.linear`
        unseen = cross_val_predict(model, cells, target, cv=folds)
        model.fit(cells, target)
    found = model.predict(cells)
    low, high = float(found.min()), float(found.max())
    spread, ridge = model[0].scale_, model[1]
    weights = ridge.coef_ / spread
    # With centred columns, as with standardised ones, the intercept is the mean of the target.
    scale = Scale(float(ridge.intercept_), tuple(means.tolist()), tuple(weights.tolist()), low, high)
    return scale, np.exp(np.clip(unseen, low, high))
