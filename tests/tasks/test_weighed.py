"""Metrics of rows that do not count alike."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from housing.tasks import base as tasks
from housing.tasks.base import score
from housing.tasks.predictions import Predictions

ROWS = 60
RNG = np.random.default_rng(3)
TIMES = RNG.integers(1, 5, ROWS)


def example(task: str) -> tuple[np.ndarray, Predictions]:  # type: ignore[type-arg]
    asked = tasks.find(task).asking((0.1, 0.5, 0.9))
    if asked.levels is None:
        label = RNG.integers(1, 40, ROWS).astype(float)
        outputs = np.abs(label[:, None] + RNG.normal(0, 3, (ROWS, asked.outputs(0)))) + 0.1
        return label, asked.predictions(outputs if outputs.shape[1] > 1 else outputs[:, 0], threshold=0.5)
    levels = 2 if asked.has_positive_level else 3
    label = RNG.integers(0, levels, ROWS).astype(float)
    chances = RNG.dirichlet(np.ones(levels), ROWS) + 0.3 * np.eye(levels)[label.astype(int)]
    chances /= chances.sum(axis=1, keepdims=True)
    return label, asked.predictions(chances[:, 1] if levels == 2 else chances, threshold=0.5)


@pytest.mark.parametrize("task", ["regression", "count", "quantile", "binary", "multiclass"])
def test_a_row_that_counts_thrice_is_three_rows(task: str) -> None:
    label, predictions = example(task)
    rows = np.repeat(np.arange(ROWS), TIMES)
    wanted = score(task, label[rows], predictions.take(rows))
    found = score(task, label, predictions.weighed(TIMES))
    assert set(found) == {name for name, metric in tasks.metrics(task).items() if metric.weighs}
    assert tasks.find(task).metric in found
    found.pop("medae", None)  # between two middle rows the lower one is taken
    assert found == pytest.approx({name: wanted[name] for name in found}, rel=1e-9)
    assert score(task, label, predictions) != pytest.approx(wanted)


def test_weighed_metrics_are_scikit_learns() -> None:
    label, predictions = example("regression")
    weights = RNG.uniform(0.1, 3, ROWS)
    found = score("regression", label, predictions.weighed(weights))
    for name, metric in (
        ("mae", sk.mean_absolute_error), ("rmse", sk.root_mean_squared_error), ("medae", sk.median_absolute_error),
        ("mape", sk.mean_absolute_percentage_error), ("r2", sk.r2_score),
    ):  # fmt: skip
        assert found[name] == pytest.approx(metric(label, predictions.values, sample_weight=weights), rel=1e-12)
    label, predictions = example("binary")
    found = score("binary", label, predictions.weighed(weights))
    for name, metric in (("accuracy", sk.accuracy_score), ("f1", sk.f1_score), ("mcc", sk.matthews_corrcoef)):
        assert found[name] == pytest.approx(metric(label, predictions.values, sample_weight=weights), rel=1e-9)


def test_weights_go_with_their_rows_and_equal_ones_are_none() -> None:
    _, predictions = example("regression")
    weights = RNG.uniform(0.1, 3, ROWS)
    some = np.array([5, 2, 2])
    assert predictions.weighed(weights).take(some).weights == pytest.approx(weights[some])
    assert predictions.weighed(np.ones(ROWS)).weights is None


@pytest.mark.parametrize("task", ["regression", "count", "quantile", "binary", "multiclass"])
def test_the_naive_predictor_learns_more_of_rows_that_count_more(task: str) -> None:
    asked = tasks.find(task).asking((0.1, 0.5, 0.9))
    label, _ = example(task)
    levels = 0 if asked.levels is None else int(label.max()) + 1
    weights = np.where(np.arange(ROWS) == 7, 1e6, 1.0)
    for metric in ("mae", "rmse"):
        found = asked.naive(label, 3, levels=levels, metric=metric, weights=weights)
        assert found.values == pytest.approx([label[7]] * 3, abs=0.01)
        same = asked.naive(label, 3, levels=levels, metric="rmse", weights=np.full(ROWS, 2.0)).values
        if task not in ("quantile",):
            assert same == pytest.approx(asked.naive(label, 3, levels=levels, metric="rmse").values)
