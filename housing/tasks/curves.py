"""Curves of one level against the rest over all thresholds: points to draw, with confidence bands.

`positive` (rows,) says which rows have the level, `chance` (rows,) is its predicted probability. Points are those of
scikit-learn; bands and intervals are of 95 %, from bootstrap draws of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING

from housing.tasks import resampling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

    _Drawn = Callable[[Floats, Floats, Floats], tuple[Floats, float]]
    """Counts of hits and misses at every threshold, and a grid -> the curve's height over the grid, and its area."""

_GRID = 101
_TAILS = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Curve:
    """`x` and `y` are its points; `grid`, `low` and `high` its band; the area's interval is from draws."""

    x: Floats
    y: Floats
    grid: Floats
    low: Floats
    high: Floats
    area: float
    area_low: float
    area_high: float


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Precision, recall and F1 of a level predicted from each threshold on; precision is NaN where it never is."""

    threshold: Floats
    precision: Floats
    recall: Floats
    f1: Floats


@dataclass(frozen=True)
class Bin:
    """Rows of similar probability: its mean, the share of rows with the level, and the share's Wilson interval."""

    chance: float
    share: float
    low: float
    high: float
    rows: int


def roc(positive: NDArray[np.bool_], chance: Floats) -> tuple[Floats, Floats]:
    """(false positive rate, recall) at every threshold, from the highest down."""
    import numpy as np

    hits, misses = _Ranking(positive, chance).counts()
    return np.append(0.0, misses / misses[-1]), np.append(0.0, hits / hits[-1])


def precision_recall(positive: NDArray[np.bool_], chance: Floats) -> tuple[Floats, Floats]:
    """(recall, precision) at every threshold, from the highest down."""
    hits, misses = _Ranking(positive, chance).counts()
    return hits / hits[-1], hits / (hits + misses)


def average_precision(positive: NDArray[np.bool_], chance: Floats) -> float:
    """The precision at each threshold, weighted by the recall that it adds: the area below the steps."""
    import numpy as np

    recall, precision = precision_recall(positive, chance)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def roc_curve(positive: NDArray[np.bool_], chance: Floats, *, draws: int, seed: int = 0) -> Curve:
    """`roc` and the area under it. There must be rows with the level, and rows without."""
    import numpy as np

    def drawn(hits: Floats, misses: Floats, grid: Floats) -> tuple[Floats, float]:
        x, y = np.append(0.0, misses / misses[-1]), np.append(0.0, hits / hits[-1])
        return y[np.searchsorted(x, grid, side="right") - 1], float((np.diff(x) * (y[1:] + y[:-1]) / 2).sum())

    return _curve(roc(positive, chance), _Ranking(positive, chance), drawn, draws=draws, seed=seed)


def precision_recall_curve(positive: NDArray[np.bool_], chance: Floats, *, draws: int, seed: int = 0) -> Curve:
    """`precision_recall` and the average precision, which is the area below its steps."""
    import numpy as np

    def drawn(hits: Floats, misses: Floats, grid: Floats) -> tuple[Floats, float]:
        recall, precision = hits / hits[-1], hits / np.maximum(hits + misses, 1)
        places = np.minimum(np.searchsorted(recall, grid, side="left"), len(recall) - 1)
        # A draw may lack the rows of the highest probabilities, where it has no precision.
        first = int(np.argmax(hits + misses > 0))
        return precision[np.maximum(places, first)], float((np.diff(recall, prepend=0.0) * precision).sum())

    return _curve(precision_recall(positive, chance), _Ranking(positive, chance), drawn, draws=draws, seed=seed)


def by_threshold(positive: NDArray[np.bool_], chance: Floats, thresholds: Floats) -> Thresholds:
    """Precision, recall and F1 if the level is predicted from each of these thresholds on."""
    import numpy as np

    ranking = _Ranking(positive, chance)
    hits, misses = (np.append(0.0, counts) for counts in ranking.counts())
    steps = np.searchsorted(-ranking.thresholds, -thresholds, side="right")
    chosen, found = (hits + misses)[steps], hits[steps]
    with np.errstate(invalid="ignore"):
        return Thresholds(thresholds, found / chosen, found / hits[-1], 2 * found / (chosen + hits[-1]))


def calibration(positive: NDArray[np.bool_], chance: Floats, *, bins: int = 10) -> list[Bin]:
    """The bins of equal width from 0 to 1, without empty ones."""
    import numpy as np

    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], chance)
    rows, sums, hits = (
        np.bincount(place, weights, minlength=bins) for weights in (None, chance, positive.astype(np.float64))
    )
    return [
        Bin(float(total / count), float(found / count), *_wilson(float(found), int(count)), int(count))
        for count, total, found in zip(rows, sums, hits, strict=True)
        if count
    ]


def expected_calibration_error(bins: list[Bin]) -> float:
    """The mean distance between probability and share, weighted by rows."""
    rows = sum(one.rows for one in bins)
    return sum(one.rows * abs(one.chance - one.share) for one in bins) / rows


@dataclass(frozen=True, eq=False)
class _Ranking:
    """Rows in descending order of probability; rows with the same probability form one step."""

    positive: NDArray[np.bool_]
    chance: Floats

    @cached_property
    def order(self) -> NDArray[np.int64]:
        import numpy as np

        return np.argsort(-self.chance, kind="stable")

    @cached_property
    def last(self) -> NDArray[np.int64]:
        import numpy as np

        return np.append(np.flatnonzero(np.diff(self.chance[self.order])), len(self.order) - 1)

    @cached_property
    def thresholds(self) -> Floats:
        return self.chance[self.order][self.last]

    def counts(self, weights: NDArray[np.int64] | None = None) -> tuple[Floats, Floats]:
        """How many rows with the level, and without, have at least each probability; rows count `weights` times."""
        import numpy as np

        hit = self.positive[self.order].astype(np.float64)
        times = np.ones(len(hit)) if weights is None else weights[self.order].astype(np.float64)
        return np.cumsum(hit * times)[self.last], np.cumsum((1 - hit) * times)[self.last]


def _curve(points: tuple[Floats, Floats], ranking: _Ranking, drawn: _Drawn, *, draws: int, seed: int) -> Curve:
    import numpy as np

    grid = np.linspace(0, 1, _GRID)
    rows = len(ranking.positive)
    heights, areas = [], []
    for drawn_rows in resampling.row_draws(rows, draws, seed=seed):
        hits, misses = ranking.counts(np.bincount(drawn_rows, minlength=rows))
        if hits[-1] and misses[-1]:
            height, area = drawn(hits, misses, grid)
            heights.append(height)
            areas.append(area)
    middle, whole = drawn(*ranking.counts(), grid)
    if not heights:
        return Curve(*points, grid, *(np.full(_GRID, np.nan),) * 2, whole, np.nan, np.nan)
    low, high = np.percentile(resampling.scaled(heights, middle, rows), _TAILS, axis=0)
    ends = np.percentile(resampling.scaled(areas, whole, rows), _TAILS)
    return Curve(*points, grid, low, high, whole, float(ends[0]), float(ends[1]))


def _wilson(found: float, rows: int) -> tuple[float, float]:
    z = NormalDist().inv_cdf(0.975)
    share, square = found / rows, z * z / rows
    middle, width = share + square / 2, z * (share * (1 - share) / rows + square / (4 * rows)) ** 0.5
    # The interval contains the share, which rounding could violate at 0 and 1.
    return min(share, (middle - width) / (1 + square)), max(share, (middle + width) / (1 + square))
