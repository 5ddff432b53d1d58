"""Learn from what a model answered for held-out rows how far it errs, and say how often its intervals hold."""

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
"""Held-out rows of a group with scores of its own: of fewer, the share that holds would depend on chance."""

_FOLDS = 5
_SMALLEST = 0.1
"""Of the median error: an error of nothing is no sign that the next one is nothing, too."""


@dataclass(frozen=True)
class Coverage:
    """The share of `rows` whose truth was held, where `declared` was asked for, and the mean size of what held it.

    `low` and `high` bound the share by chance, where intervals learnt from so many held-out rows are sound.
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
    """From a label (rows,), the `predictions` of a model that had not seen these rows, and the rows encoded.

    `groups` is the level of `rule.by` of each row; `rows` says what they are, for people; `weights` (rows,) how much
    each counts. Raises DataError where they are too few.
    """
    import numpy as np

    assert rule.coverage is not None  # else nobody asks
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
    """How often they hold. `chance` is how often a sound interval may leave the bounds; `weights` as in `fit`."""
    import numpy as np

    holds = np.average(ranges.hold(label), weights=weights)
    rows = len(label) if weights is None else alike_rows(weights)
    low, high = bounds(ranges.coverage, learnt_from=intervals.scores.rows, rows=rows, chance=chance)
    if ranges.sets is not None:
        high = 1.0  # the chosen level always belongs there, so that a good model's sets hold more than is asked
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
    """The same for each group, the largest first. Each may leave its bounds as much less often as there are more."""
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
    """Those of some rows."""
    from housing.data.intervals import Ranges

    low, high = (None if end is None else end[rows] for end in (ranges.low, ranges.high))
    return Ranges(ranges.coverage, low, high, None if ranges.sets is None else ranges.sets[rows])


def bounds(coverage: float, *, learnt_from: int, rows: int, chance: float) -> tuple[float, float]:
    """Between which shares of so many new rows the truth is held, but for `chance`.

    How many are held is beta-binomial: the bound was learnt by chance, too (Vovk 2012).
    """
    from math import ceil

    from scipy.stats import betabinom

    rank = min(learnt_from, ceil((learnt_from + 1) * coverage - 1e-9))
    held = betabinom(rows, rank, learnt_from + 1 - rank)
    return float(held.ppf(chance / 2)) / rows, float(held.ppf(1 - chance / 2)) / rows


def _scale(
    label: Floats, predictions: Predictions, transform: str, matrix: NDArray[np.float32], *, seed: int
) -> tuple[Scale, Floats]:
    """A second model, of how large errors are; and what it says of each row when it has not seen it."""
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
    # Of standardised columns the intercept is the mean of the target, and so it is of centred ones.
    scale = Scale(float(ridge.intercept_), tuple(means.tolist()), tuple(weights.tolist()), low, high)
    return scale, np.exp(np.clip(unseen, low, high))
