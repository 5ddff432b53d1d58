"""Quantiles: their metrics, and what a model's outputs mean."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from housing.algorithms.registry import fitting
from housing.tasks.base import find, score
from housing.tasks.predictions import Predictions, of_matrix, quantiles_fault, same

SHARES = (0.1, 0.5, 0.9)


def outputs(seed: int, rows: int = 50, columns: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, columns))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_metrics_are_those_of_scikit_learn(seed: int) -> None:
    label, found = np.random.default_rng(seed + 1).normal(size=50), np.sort(outputs(seed), axis=1)
    values = score("quantile", label, find("quantile").asking(SHARES).predictions(found, threshold=0.5))
    losses = [mean_pinball_loss(label, found[:, place], alpha=share) for place, share in enumerate(SHARES)]
    assert values["pinball"] == pytest.approx(np.mean(losses), abs=1e-9)
    inside = [low <= one <= high for one, (low, _, high) in zip(label, found, strict=True)]
    assert values["coverage"] == pytest.approx(np.mean(inside), abs=1e-9)
    below = [abs(np.mean(label <= found[:, place]) - share) for place, share in enumerate(SHARES)]
    assert values["coverage_error"] == pytest.approx(np.mean(below), abs=1e-9)


def test_quantiles_that_cross_are_put_in_order() -> None:
    found = find("quantile").asking(SHARES).predictions(np.array([[3.0, 1.0, 2.0]]), threshold=0.5)
    assert found.quantiles is not None
    assert {share: one.tolist() for share, one in found.quantiles.items()} == {0.1: [1.0], 0.5: [2.0], 0.9: [3.0]}
    assert found.values.tolist() == [2.0]


def test_a_single_quantile_is_the_prediction_and_covers_what_is_below_it() -> None:
    found = find("quantile").asking((0.9,)).predictions(np.array([1.0, 2.0]), threshold=0.5)
    assert found.values.tolist() == [1.0, 2.0]
    assert score("quantile", np.array([0.0, 3.0]), found)["coverage"] == 0.5


def test_no_constant_range_beats_the_naive_one() -> None:
    label = outputs(3).reshape(-1)
    task = find("quantile").asking(SHARES)
    naive = score("quantile", label, task.naive(label, len(label), levels=0, metric="pinball"))["pinball"]
    for low, middle, high in np.sort(outputs(4, rows=100), axis=1):
        other = task.predictions(np.tile([low, middle, high], (len(label), 1)), threshold=0.5)
        assert naive <= score("quantile", label, other)["pinball"] + 1e-9


def test_predictions_survive_as_a_matrix_and_in_part() -> None:
    found = find("quantile").asking(SHARES).predictions(outputs(5), threshold=0.5)
    assert same(of_matrix(found.matrix(), SHARES), found)
    rows = np.array([3, 3, 0])
    assert same(found.take(rows), of_matrix(found.matrix()[rows], SHARES))
    assert not same(found, of_matrix(found.matrix(), (0.2, 0.5, 0.9)))
    assert not same(found, Predictions(found.values))


@pytest.mark.parametrize(
    ("algorithm", "shares", "settings_of"),
    [
        ("xgboost", SHARES, {"num_round": 8, "objective": "reg:quantileerror", "eval_metric": ("quantile",)}),
        ("xgboost", (0.9,), {"num_round": 8, "objective": "reg:quantileerror", "eval_metric": ("quantile",)}),
        ("lightgbm", (0.9,), {"num_boost_round": 8, "objective": "quantile", "metric": ("quantile",)}),
    ],
)
def test_a_library_measures_the_same_loss(algorithm: str, shares: tuple[float, ...], settings_of: dict) -> None:
    features = outputs(6, rows=200).astype(np.float32)
    label = (features[:, 0] + outputs(7, rows=200)[:, 0]).astype(np.float32)
    own, hyperparameters = fitting(algorithm), {**settings_of, "quantile_alpha": shares}
    matrix = own.matrix(features, label, hyperparameters)
    fitted = own.fit(hyperparameters, matrix, seed=0)
    found = np.asarray(own.load(fitted.model).predict(features), np.float64)
    value = score("quantile", label.astype(float), find("quantile").asking(shares).predictions(found, threshold=0.5))
    assert fitted.history["train"]["pinball"][-1] == pytest.approx(
        value["pinball"], rel=1e-3 if len(shares) > 1 else 1e-6
    )


@pytest.mark.parametrize(
    ("shares", "words"), [((0.9, 0.1), "rising order"), ((0.0, 0.5), "more than 0"), ((1,), "more")]
)
def test_quantiles_are_shares_in_rising_order(shares: tuple[float, ...], words: str) -> None:
    assert words in (quantiles_fault(shares) or "")
    assert quantiles_fault(SHARES) is None
