"""Which trials cannot be told from the best, and how sure a mean is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from housing.tuning.spec import Study
from housing.tuning.spread import half_width, ties
from housing.tuning.trial import FinishedTrial

SEEDS, FOLDS = Study("s", "tpe", 1, repeats=5), Study("s", "tpe", 1, folds=5)


def trial(number: int, *fits: float) -> FinishedTrial:
    return FinishedTrial(number, {}, "complete", (float(np.mean(fits)),), fits=fits)


def test_the_interval_of_a_mean_over_seeds_is_student_s() -> None:
    values = (3.0, 4.0, 5.5, 4.5, 3.5)
    low, high = stats.t.interval(0.95, df=4, loc=np.mean(values), scale=stats.sem(values))
    assert half_width(values, SEEDS) == pytest.approx((high - low) / 2)
    assert half_width((3.0,), SEEDS) is None


def test_folds_that_share_their_rows_make_it_wider() -> None:
    values = (3.0, 4.0, 5.5, 4.5, 3.5)
    seeds, folds = half_width(values, SEEDS), half_width(values, FOLDS)
    assert seeds is not None
    assert folds == pytest.approx(seeds * 1.5)  # variance 1/5 + 1/4 in place of 1/5


def test_differences_are_taken_fit_by_fit() -> None:
    best = trial(2, 1.0, 2.0, 3.0, 4.0, 5.0)
    always_a_little_worse = trial(0, 1.1, 2.1, 3.11, 4.1, 5.1)
    by_luck = trial(1, 0.0, 4.0, 1.0, 7.0, 4.0)
    pruned = FinishedTrial(3, {}, "pruned", (3.0,))
    assert ties(best, [always_a_little_worse, by_luck, best, pruned], SEEDS) == [by_luck]


def test_equal_trials_tie() -> None:
    assert ties(trial(0, 1.0, 1.0), [trial(1, 1.0, 1.0)], SEEDS) == [trial(1, 1.0, 1.0)]
