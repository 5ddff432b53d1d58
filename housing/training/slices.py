"""Where a model errs most: its metric over the rows of each level, and of each range of numbers, of every column."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from housing.tasks import resampling
from housing.tasks.interval import student_t

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.tasks.base import Metric
    from housing.tasks.predictions import Predictions

    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]

LEAST_ROWS = 20
"""A slice of fewer rows is not judged: its metric says little."""

_RANGES = 4
_MOST_LEVELS = 50
_DRAWS, _LEAST_DRAWS = 60, 20
_CONFIDENCE = 0.95
_CHANCE = 0.05
_MOST_VALUES = 5_000
"""The maximum number of values of a metric that is not a mean, over all draws: it bounds the time."""


@dataclass(frozen=True)
class Slice:
    """Rows with one level, or within one range, of a column. `low` and `high` are the 95 % interval of `value`.

    `rest` is the metric of all other rows. `is_clear`: it is worse by more than chance, given the number of slices.
    """

    column: str
    name: str
    rows: int
    value: float
    low: float
    high: float
    rest: float
    is_clear: bool


@dataclass(frozen=True)
class Slices:
    """Slices, the most significantly worse ones first, of `rows` rows; `small` more have too few."""

    found: tuple[Slice, ...]
    small: int
    rows: int

    @property
    def clear(self) -> tuple[Slice, ...]:
        """The slices that are clearly worse."""
        return tuple(one for one in self.found if one.is_clear)


def slices_of(
    columns: Iterable[tuple[str, NDArray[Any]]], label: Floats, predictions: Predictions, *, metric: Metric, seed: int
) -> Slices:
    """`columns` are raw ones by name, asked for one by one: float64 with NaN for missing, else str with None."""
    import numpy as np

    every = [(column, name, rows) for column, cells in columns for name, rows in _parts(cells)]
    judged = [one for one in every if len(one[2]) >= LEAST_ROWS and len(label) - len(one[2]) >= LEAST_ROWS]
    small = sum(len(rows) < LEAST_ROWS for _, _, rows in every)
    measured: _Means | _Drawn
    if metric.of_rows is not None:
        measured = _Means(metric.of_rows(label, predictions), predictions.weights, metric.is_root)
    else:
        draws = max(_LEAST_DRAWS, min(_DRAWS, _MOST_VALUES // max(1, 2 * len(judged))))
        measured = _Drawn(metric, label, predictions, draws, seed)
    found = []
    for column, name, rows in judged:
        others = np.ones(len(label), bool)
        others[rows] = False
        here, there = measured.of(rows), measured.of(np.flatnonzero(others))
        if not all(map(math.isfinite, (here.value, here.error, there.value, there.error))):
            continue
        worse = here.value - there.value if metric.direction == "minimize" else there.value - here.value
        sure = math.hypot(here.error, there.error)
        one = Slice(column, name, len(rows), here.value, here.low, here.high, there.value, False)
        found.append((worse / sure if sure else 0.0, one))
    chance = _CHANCE / max(1, len(found))
    return Slices(
        tuple(
            Slice(**{**vars(one), "is_clear": by > student_t(chance, one.rows - 1)})
            for by, one in sorted(found, key=lambda each: -each[0])
        ),
        small,
        len(label),
    )


def _parts(cells: NDArray[Any]) -> Iterator[tuple[str, Rows]]:
    """Names of slices, and their rows. Numbers with few distinct values are sliced by value."""
    import numpy as np

    if cells.dtype.kind == "f":
        missing = np.isnan(cells)
        values = np.unique(cells[~missing])
        if len(values) <= _RANGES:
            yield from ((f"{value:.6g}", np.flatnonzero(cells == value)) for value in values.tolist())
        else:
            yield from _ranges(cells, missing)
    else:
        missing = np.array([cell is None for cell in cells], bool)
        levels, codes = np.unique(cells[~missing].astype(str), return_inverse=True)
        places = np.flatnonzero(~missing)
        if len(levels) <= max(_MOST_LEVELS, len(cells) // LEAST_ROWS):
            yield from ((str(level), places[codes == code]) for code, level in enumerate(levels))
    if missing.any():
        yield "(missing)", np.flatnonzero(missing)


def _ranges(cells: Floats, missing: NDArray[np.bool_]) -> Iterator[tuple[str, Rows]]:
    """Ranges with about as many rows each; rows with the same value are never divided."""
    import numpy as np

    known = cells[~missing]
    upper = np.unique(np.quantile(known, np.arange(1, _RANGES) / _RANGES, method="inverted_cdf"))
    upper = upper[upper < known.max()]
    codes = np.searchsorted(upper, cells, side="left")
    ends = [f"{end:.6g}" for end in upper.tolist()]
    names = [f"up to {ends[0]}", *(f"{low} to {high}" for low, high in pairwise(ends)), f"above {ends[-1]}"]
    yield from ((name, np.flatnonzero((codes == code) & ~missing)) for code, name in enumerate(names))


@dataclass(frozen=True)
class _Measure:
    """A metric, its standard error, and the ends of its interval."""

    value: float
    error: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, eq=False)
class _Means:
    """For a metric that is a mean over rows, or the root of one: its standard error follows from the rows'."""

    losses: Floats
    weights: Floats | None
    is_root: bool

    def of(self, rows: Rows) -> _Measure:
        import numpy as np

        losses = self.losses[rows]
        weights = np.ones(len(rows)) if self.weights is None else self.weights[rows]
        total = float(weights.sum())
        if not total:
            return _Measure(math.nan)
        mean = float((weights * losses).sum()) / total
        error = math.sqrt(float((weights**2 * (losses - mean) ** 2).sum())) / total
        away = student_t((1 - _CONFIDENCE) / 2, len(rows) - 1) * error
        low, high = max(mean - away, float(losses.min())), min(mean + away, float(losses.max()))
        if not self.is_root:
            return _Measure(mean, error, low, high)
        root = math.sqrt(mean)
        return _Measure(root, error / (2 * root) if root else 0.0, math.sqrt(low), math.sqrt(high))


@dataclass(frozen=True, eq=False)
class _Drawn:
    """For any other metric: by a bootstrap over the rows."""

    metric: Metric
    label: Floats
    predictions: Predictions
    draws: int
    seed: int

    def of(self, rows: Rows) -> _Measure:
        import numpy as np

        label, predictions = self.label[rows], self.predictions.take(rows)
        if self.metric.undefined(label) is not None:
            return _Measure(math.nan)
        values = [
            self.metric.compute(label[drawn], predictions.take(drawn))
            for drawn in resampling.row_draws(len(rows), self.draws, seed=self.seed)
            if self.metric.undefined(label[drawn]) is None
        ]
        found = np.array([value for value in values if math.isfinite(value)])
        value = self.metric.compute(label, predictions)
        if len(found) < self.draws / 2:
            return _Measure(value)
        return _Measure(value, float(found.std(ddof=1)), *resampling.percentile_interval(found, _CONFIDENCE))
