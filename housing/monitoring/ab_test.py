"""Compares the variants of an endpoint: failures and errors, with intervals. Pure computation; reads nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import NormalDist
from typing import TYPE_CHECKING

from housing.promotion.gate import improvement
from housing.promotion.spec import Gate
from housing.tasks import resampling
from housing.tasks.base import Metric, metrics
from housing.tasks.predictions import Predictions, of_matrix
from housing.tasks.resampling import percentile_interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Answer = tuple[float, ...]
"""The prediction for one row, as in `Predictions.matrix`."""

LEAST_ROWS = 10
"""Labelled rows that a variant must have answered before its error is reported."""


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How much better a variant is than the first one (above 0: better); `paired`: over rows that both answered."""

    variant: str
    first: str
    better_by: Interval
    rows: int
    paired: bool

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.better_by.low > 0 or self.better_by.high < 0


@dataclass(frozen=True)
class Errors:
    """`errors` by variant, without those with too few labelled rows; `rows` has the count of every variant."""

    metric: str
    rows: Mapping[str, int]
    errors: Mapping[str, Interval]
    differences: tuple[Difference, ...]


def failure_share(failures: int, invocations: int, *, confidence: float) -> Interval | None:
    """The share of failed invocations with Wilson's interval, which is sound for few failures, too; None without
    invocations.
    """
    if not invocations:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = failures / invocations
    middle = (share + z * z / (2 * invocations)) / (1 + z * z / invocations)
    width = z * math.sqrt(share * (1 - share) / invocations + (z / (2 * invocations)) ** 2) / (1 + z * z / invocations)
    return Interval(share, max(0.0, middle - width), min(1.0, middle + width))


def errors(
    task: str,
    answers: Mapping[str, Mapping[str, Answer]],
    labels: Mapping[str, float],
    rules: Gate,
    *,
    seed: int,
    quantiles: Sequence[float] = (),
) -> Errors:
    """Errors by the gate's metric, confidence and resamples. `answers` maps variant, then row id, to the prediction.

    `labels` maps row ids to numbers in the label's unit, or codes of its levels; `quantiles` are those that answers
    have.

    Each variant is compared with the first one: over the rows that both have answered, where there are enough, which
    detects smaller differences; else over all rows of each, as two independent samples.
    """
    assert rules.metric is not None  # the configuration names it, or the task does
    judge = _Judge(task, rules, labels, seed, tuple(quantiles))
    labelled = {
        variant: {row: value for row, value in rows.items() if row in labels} for variant, rows in answers.items()
    }
    judged = [variant for variant, rows in labelled.items() if len(rows) >= LEAST_ROWS]
    found = {variant: judge.error(labelled[variant]) for variant in judged}
    differences = [judge.difference(judged[0], other, labelled) for other in islice(judged, 1, None)]
    counts = {variant: len(rows) for variant, rows in labelled.items()}
    return Errors(rules.metric, counts, found, tuple(differences))


@dataclass(frozen=True)
class _Judge:
    task: str
    rules: Gate
    labels: Mapping[str, float]
    seed: int
    quantiles: tuple[float, ...] = ()

    @property
    def metric(self) -> Metric:
        return metrics(self.task)[self.rules.metric or ""]

    def error(self, rows: Mapping[str, Answer]) -> Interval:
        draws, value = self._resampled(rows, seed=self.seed)
        return Interval(value, *percentile_interval(draws, self.rules.confidence))

    def difference(self, first: str, other: str, labelled: Mapping[str, Mapping[str, Answer]]) -> Difference:
        both = [row for row in labelled[first] if row in labelled[other]]
        if len(both) >= LEAST_ROWS:
            better = improvement(
                self.task,
                self.rules.metric or "",
                _array([self.labels[row] for row in both]),
                candidate=self._predictions([labelled[other][row] for row in both]),
                champion=self._predictions([labelled[first][row] for row in both]),
                confidence=self.rules.confidence,
                resamples=self.rules.resamples,
                seed=self.seed,
            )
            return Difference(other, first, Interval(*better), len(both), paired=True)
        sign = 1.0 if self.metric.direction == "minimize" else -1.0
        # Two independent samples need independent draws.
        draws, value = self._resampled(labelled[first], seed=self.seed)
        others, other_value = self._resampled(labelled[other], seed=self.seed + 1)
        rows = len(labelled[first]) + len(labelled[other])
        better_by = Interval(
            sign * (value - other_value), *percentile_interval(sign * (draws - others), self.rules.confidence)
        )
        return Difference(other, first, better_by, rows, paired=False)

    def _predictions(self, answers: Sequence[Answer]) -> Predictions:
        return of_matrix(_array(answers), self.quantiles)

    def _resampled(self, rows: Mapping[str, Answer], *, seed: int) -> tuple[NDArray[np.float64], float]:
        """The metric of each bootstrap resample, (resamples,), and the metric over the rows themselves."""
        label, answers = _array([self.labels[row] for row in rows]), self._predictions(list(rows.values()))
        compute = self.metric.compute
        drawn = resampling.draws(label, self.rules.resamples, seed=seed)
        values = [compute(labels, answers.take(some)) for labels, some in drawn]
        whole = compute(label, answers)
        return resampling.scaled(values, whole, resampling.units(label)), whole


def _array(values: Sequence[float] | Sequence[Answer]) -> NDArray[np.float64]:
    import numpy as np

    return np.array(values, np.float64)
