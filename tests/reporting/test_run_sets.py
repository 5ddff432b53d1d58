"""Whether one set of runs is better than another, or chance explains it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from housing.reporting.run_sets import RunSet, SetRun, difference, incomparable, parameters_apart, sets_page
from housing.reporting.study_plots import Objective
from housing.tasks.interval import student_t


def a_set(name: str, *values: float, pairs: bool = False, split: str = "s", **parameters: str | float) -> RunSet:
    runs = (
        SetRun(f"{name}{i}", f"t{i:02d}", value, {"eta": 0.1 * i, **parameters}, str(i) if pairs else None)
        for i, value in enumerate(values)
    )
    return RunSet(name, tuple(sorted(runs, key=lambda run: run.value)), frozenset([split]))


def test_an_interval_of_means_is_scipy_s() -> None:
    from scipy import stats

    one, other = a_set("one", 1.0, 2.0, 3.5), a_set("other", 4.0, 6.5, 5.0, 4.5)
    values, others = [1.0, 2.0, 3.5], [4.0, 6.5, 5.0, 4.5]
    found = difference(one, other, lower_is_better=True)
    expected = stats.ttest_ind(others, values, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.02)
    assert found.verdict == "better"
    assert difference(one, other, lower_is_better=False).verdict == "worse"
    assert one.interval == pytest.approx(stats.t.interval(0.95, 2, np.mean(values), stats.sem(values)), rel=0.02)


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 30])
@pytest.mark.parametrize("chance", [0.025, 0.001])
def test_students_t_is_scipy_s(freedom: int, chance: float) -> None:
    from scipy import stats

    assert student_t(chance, freedom) == pytest.approx(stats.t.isf(chance, freedom), rel=0.1 if freedom == 3 else 0.05)


def test_runs_of_the_same_seeds_are_paired() -> None:
    one = a_set("one", 10.0, 20.0, 30.0, 40.0, pairs=True)
    other = a_set("other", 10.9, 21.1, 31.0, 41.0, pairs=True)
    found = difference(one, other, lower_is_better=True)
    assert (found.pairs, found.verdict) == (4, "better")
    assert found.better_by == pytest.approx(1.0)
    alone = difference(a_set("one", 10.0, 20.0, 30.0, 40.0), other, lower_is_better=True)
    assert (alone.pairs, alone.verdict) == (0, "tie")


def test_one_run_says_nothing_of_chance() -> None:
    found = difference(a_set("one", 1.0), a_set("other", 2.0, 3.0), lower_is_better=True)
    assert math.isnan(found.low)
    assert found.verdict == "one run says nothing about chance"
    assert a_set("one", 1.0).interval is None


def test_parameters_that_differ_are_told_by_set() -> None:
    sets = [a_set("<a>", *map(float, range(9)), booster="dart"), a_set("b", 1.0, 2.0, booster="gbtree", seed="1")]
    apart = parameters_apart(sets)
    assert apart == {"eta": ["0 to 0.8", "0, 0.1"], "booster": ["dart", "gbtree"], "seed": ["none", "1"]}
    page = sets_page(
        sets, [difference(sets[1], sets[0], lower_is_better=True)], Objective("mae", "mae, USD", "minimize")
    )
    assert "&lt;a&gt;" in page and "<a>" not in page
    assert incomparable(sets) is None
    assert "different rows" in str(incomparable([sets[0], a_set("c", 1.0, split="other")]))
