"""What is learnt from held-out rows holds the truth of new ones as often as asked."""

from __future__ import annotations

import numpy as np
import pytest

from housing.data.intervals import Intervals
from housing.errors import DataError
from housing.promotion.intervals import LEAST_GROUP, bounds, by_group, fit, measured
from housing.promotion.spec import IntervalRule
from housing.tasks.predictions import Predictions

ROWS = 4000


def table(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Label, prediction, encoded rows and groups; errors grow with the first column, and are large in group b."""
    generator = np.random.default_rng(seed)
    matrix = generator.uniform(0, 1, (ROWS, 2)).astype(np.float32)
    groups = ["b" if one else "a" for one in (generator.random(ROWS) < 0.2).tolist()]
    center = 100 + 50 * matrix[:, 1].astype(float)
    spread = np.where(np.array(groups) == "b", 8.0, 2.0) * (0.2 + 2 * matrix[:, 0])
    return center + spread * generator.standard_t(4, ROWS), center, matrix, groups


def learnt(rule: IntervalRule, transform: str = "none") -> Intervals:
    label, center, matrix, groups = table(1)
    return fit(
        rule,
        label,
        Predictions(center),
        rows="rows",
        transform=transform,
        matrix=matrix,
        groups=groups if rule.by else None,
        seed=0,
    )


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
@pytest.mark.parametrize(
    ("by", "scaled", "transform"),
    [(None, False, "none"), ("g", False, "log"), (None, True, "none"), ("g", True, "log")],
)
def test_new_rows_are_held_as_often_as_asked(coverage: float, by: str | None, scaled: bool, transform: str) -> None:
    found = learnt(IntervalRule(coverage, by, scaled), transform)
    label, center, matrix, groups = table(2)
    ranges = found.of(Predictions(center), transform=transform, groups=groups if by else None, matrix=matrix)
    whole = measured(ranges, label, found)
    assert not whole.is_off
    assert whole.share == pytest.approx(coverage, abs=0.02)
    if by:
        assert not any(one.is_off for one in by_group(ranges, label, groups, found).values())


def test_where_errors_differ_by_group_all_rows_alike_hold_too_little_of_one() -> None:
    found = learnt(IntervalRule(0.9))
    label, center, _, groups = table(2)
    told = by_group(found.of(Predictions(center)), label, groups, found)
    assert list(told) == ["a", "b"]
    assert told["b"].is_off
    assert told["b"].share < 0.75


def test_a_scale_holds_where_errors_are_large_and_where_they_are_small() -> None:
    label, center, matrix, _ = table(2)
    large, small = matrix[:, 0] > 0.8, matrix[:, 0] < 0.2
    plain, scaled = learnt(IntervalRule(0.9)), learnt(IntervalRule(0.9, scaled=True))
    alike = plain.of(Predictions(center)).hold(label)
    by_size = scaled.of(Predictions(center), matrix=matrix).hold(label)
    assert alike[large].mean() < 0.85
    assert alike[small].mean() > 0.95
    assert by_size[large].mean() == pytest.approx(0.9, abs=0.03)
    assert by_size[small].mean() == pytest.approx(0.9, abs=0.05)


def test_sets_of_levels_hold_the_true_one_as_often_as_asked() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(2 * ROWS, 4))
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    true = np.array([generator.choice(4, p=one) for one in chances], np.float64)
    told = Predictions(chances.argmax(axis=1).astype(float), chances)
    first, second = np.arange(ROWS), np.arange(ROWS, 2 * ROWS)
    found = fit(
        IntervalRule(0.9),
        true[first],
        told.take(first),
        rows="rows",
        transform="none",
        matrix=np.zeros((ROWS, 1), np.float32),
        groups=None,
        seed=0,
    )
    whole = measured(found.of(told.take(second)), true[second], found)
    assert whole.share == pytest.approx(0.9, abs=0.02)
    assert 1 < whole.size < 4


def test_a_small_group_goes_by_all_rows() -> None:
    label, center, matrix, _ = table(1)
    groups = ["rare"] * (LEAST_GROUP - 1) + ["often"] * (ROWS - LEAST_GROUP + 1)
    found = fit(
        IntervalRule(0.9, "g"),
        label,
        Predictions(center),
        rows="rows",
        transform="none",
        matrix=matrix,
        groups=groups,
        seed=0,
    )
    assert list(found.groups) == ["often"]


def test_too_few_rows_are_refused_with_how_many_it_takes() -> None:
    with pytest.raises(DataError, match=r"0\.9 cannot be learnt from 8 rows of validation; that takes 9 or more"):
        fit(
            IntervalRule(0.9),
            np.arange(8.0),
            Predictions(np.zeros(8)),
            rows="rows of validation",
            transform="none",
            matrix=np.zeros((8, 1), np.float32),
            groups=None,
            seed=0,
        )


def test_bounds_narrow_with_rows_on_either_side() -> None:
    few, many = (
        bounds(0.9, learnt_from=100, rows=100, chance=0.01),
        bounds(0.9, learnt_from=9999, rows=9999, chance=0.01),
    )
    assert few[0] < many[0] < 0.9 < many[1] < few[1]
    generator = np.random.default_rng(0)
    outside = 0
    low, high = bounds(0.9, learnt_from=199, rows=150, chance=0.1)
    for _ in range(2000):
        limit = np.sort(generator.random(199))[179]
        share = (generator.random(150) <= limit).mean()
        outside += not low <= share <= high
    assert outside / 2000 < 0.12


def test_rows_that_count_more_decide_how_wide_an_interval_is() -> None:
    """Half of the rows err ten times as much; where these hardly count, the others' errors are the rule."""
    label, center, matrix, _ = table(1)
    generator = np.random.default_rng(3)
    large = generator.random(ROWS) < 0.5
    label = center + np.where(large, 10.0, 1.0) * generator.normal(size=ROWS)
    widths = {}
    for name, weights in (("alike", None), ("equal", np.full(ROWS, 7.0)), ("small", np.where(large, 0.01, 1.0))):
        found = fit(
            IntervalRule(0.9, None, False),
            label,
            Predictions(center),
            rows="rows",
            transform="none",
            matrix=matrix,
            groups=None,
            seed=0,
            weights=weights,
        )
        ranges = found.of(Predictions(center))
        assert ranges.high is not None
        widths[name] = float(ranges.high[0] - center[0])
        held = measured(ranges, label, found, weights=weights)
        assert held.share == pytest.approx(0.9, abs=0.01)
        assert held.size == pytest.approx(2 * widths[name])
    assert widths["equal"] == widths["alike"]
    assert widths["small"] == pytest.approx(1.645, rel=0.1)
    assert found.scores.rows < 0.6 * ROWS
