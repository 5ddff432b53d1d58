"""Thresholds that are chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from housing.promotion.threshold import ChosenThreshold, Cost, candidates, choose

LABEL = np.array([0.0, 0, 0, 0, 1, 0, 1, 1])
CHANCES = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.6, 0.9])


def test_costly_misses_lower_it_and_costly_alarms_raise_it() -> None:
    misses = choose("binary", ChosenThreshold(cost=Cost(false_positive=1, false_negative=5)), LABEL, CHANCES)
    alarms = choose("binary", ChosenThreshold(cost=Cost(false_positive=5, false_negative=1)), LABEL, CHANCES)
    assert misses == pytest.approx(0.225)
    assert alarms == pytest.approx(0.45)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_other_threshold_has_a_better_f1(seed: int) -> None:
    generator = np.random.default_rng(seed)
    label = np.concatenate([[0, 1], generator.integers(0, 2, 30)]).astype(float)
    chances = np.clip(0.3 * label + generator.uniform(0, 0.7, 32), 0, 1)
    found = choose("binary", ChosenThreshold(maximise="f1"), label, chances)
    best = max(f1_score(label, chances >= other, zero_division=0) for other in np.linspace(0, 1, 51))
    assert f1_score(label, chances >= found, zero_division=0) >= best


def test_of_many_rows_a_thousand_candidates_are_as_good_as_all() -> None:
    generator = np.random.default_rng(3)
    label = (generator.uniform(size=100_000) < 0.005).astype(float)
    chances = generator.beta(2 + 4 * label, 60)
    assert len(candidates(label, chances)) <= 1002
    found = choose("binary", ChosenThreshold(maximise="f1"), label, chances)
    falling = np.argsort(-chances)
    hits = np.cumsum(label[falling])
    best = (2 * hits / (np.arange(1, 100_001) + label.sum())).max()
    assert f1_score(label, chances >= found) >= best - 1e-9


def test_what_errors_cost_is_weighed_over_every_row_of_many() -> None:
    generator = np.random.default_rng(4)
    label = (generator.uniform(size=5_000) < 0.1).astype(float)
    chances = generator.beta(2 + 4 * label, 20)
    found = choose("binary", ChosenThreshold(cost=Cost(1, 9)), label, chances)

    def cost(threshold: float) -> float:
        chosen = chances >= threshold
        return float((chosen & (label == 0)).sum() + 9 * (~chosen & (label == 1)).sum())

    assert cost(found) == min(cost(threshold) for threshold in [*chances.tolist(), 1.0])


def test_of_equally_good_ones_the_nearest_to_a_half_is_taken() -> None:
    label, chances = np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.7, 0.8])
    assert choose("binary", ChosenThreshold(maximise="accuracy"), label, chances) == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "give maximise, such as f1, or cost"),
        ({"maximise": "f1", "cost": Cost()}, "give maximise, such as f1, or cost"),
        ({"maximise": "auc"}, "maximise must be one of accuracy, balanced_accuracy, f1"),
    ],
)
def test_a_rule_that_chooses_nothing_is_refused(keys: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ChosenThreshold(**keys)


def test_costs_are_positive() -> None:
    with pytest.raises(ValueError, match="false_negative must be more than 0"):
        Cost(false_negative=0)


@pytest.mark.parametrize("rule", [ChosenThreshold(cost=Cost(1, 3)), ChosenThreshold(maximise="f1")])
def test_a_row_that_counts_thrice_is_three_rows(rule: ChosenThreshold) -> None:
    generator = np.random.default_rng(5)
    label = (generator.uniform(size=200) < 0.3).astype(float)
    chances = generator.beta(2 + 3 * label, 8).round(2)
    times = generator.integers(1, 4, 200)
    rows = np.repeat(np.arange(200), times)
    wanted = choose("binary", rule, label[rows], chances[rows])
    assert choose("binary", rule, label, chances, times.astype(float)) == wanted
    assert choose("binary", rule, label, chances, np.where(label == 1, 50.0, 1.0)) < wanted
