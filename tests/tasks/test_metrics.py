"""Metrics against scikit-learn's, and what they say of labels and predictions that do not define them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn
from sklearn.calibration import calibration_curve

from housing.errors import DataError
from housing.tasks import base as tasks
from housing.tasks.base import score
from housing.tasks.predictions import Predictions

TOLERANCE = 1e-9

OF_NUMBERS: dict[str, Callable[[Any, Any], float]] = {
    "mae": sklearn.mean_absolute_error,
    "rmse": sklearn.root_mean_squared_error,
    "medae": sklearn.median_absolute_error,
    "mape": sklearn.mean_absolute_percentage_error,
    "rmsle": sklearn.root_mean_squared_log_error,
    "r2": sklearn.r2_score,
    "poisson_deviance": sklearn.mean_poisson_deviance,
}
OF_TWO: dict[str, Callable[[Any, Any, Any], float]] = {
    "log_loss": lambda y, _, p: sklearn.log_loss(y, p[:, 1], labels=[0, 1]),
    "auc": lambda y, _, p: sklearn.roc_auc_score(y, p[:, 1]),
    "pr_auc": lambda y, _, p: sklearn.average_precision_score(y, p[:, 1]),
    "brier": lambda y, _, p: sklearn.brier_score_loss(y, p[:, 1]),
    "ece": lambda y, _, p: calibration_error(y, p[:, 1]),
    "accuracy": lambda y, c, _: sklearn.accuracy_score(y, c),
    "balanced_accuracy": lambda y, c, _: sklearn.balanced_accuracy_score(y, c),
    "f1": lambda y, c, _: sklearn.f1_score(y, c, zero_division=0),
    "precision": lambda y, c, _: sklearn.precision_score(y, c, zero_division=0),
    "recall": lambda y, c, _: sklearn.recall_score(y, c, zero_division=0),
    "mcc": lambda y, c, _: sklearn.matthews_corrcoef(y, c),
}
OF_MANY: dict[str, Callable[[Any, Any, Any], float]] = {
    "log_loss": lambda y, _, p: sklearn.log_loss(y, p, labels=range(p.shape[1])),
    "accuracy": lambda y, c, _: sklearn.accuracy_score(y, c),
    "balanced_accuracy": lambda y, c, _: sklearn.balanced_accuracy_score(y, c),
    "f1_macro": lambda y, c, _: sklearn.f1_score(y, c, average="macro", zero_division=0),
    "auc_ovr": lambda y, _, p: sklearn.roc_auc_score(y, p, multi_class="ovr", labels=range(p.shape[1])),
    "brier": lambda y, _, p: sum(sklearn.brier_score_loss(y == level, p[:, level]) for level in range(p.shape[1])),
    "ece": lambda y, _, p: calibration_error(y == p.argmax(axis=1), p.max(axis=1)),
}


def calibration_error(true: Any, chance: Any) -> float:
    """Over scikit-learn's ten bins."""
    share, mean = calibration_curve(true, chance, n_bins=10)
    place = np.searchsorted(np.linspace(0, 1, 11)[1:-1], chance)
    counts = np.bincount(place, minlength=10)
    return float((counts[counts > 0] * abs(share - mean)).sum() / len(chance))


seeds = st.integers(0, 2**32 - 1)


def numbers(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(2, 60))
    return generator.integers(1, 9, rows).astype(float), generator.gamma(2.0, 2.0, rows) + 0.01


def chances(seed: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels that have every level, and probabilities of which many are equal."""
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(2 * levels, 80))
    label = np.concatenate([np.arange(levels), generator.integers(0, levels, rows - levels)]).astype(float)
    raw = generator.integers(0, 6, (rows, levels)) + 0.25
    return label, raw / raw.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("task", "count"), [("regression", 6), ("count", 3)])
@settings(max_examples=60, deadline=None)
@given(seed=seeds)
def test_numbers_are_judged_as_scikit_learn_judges_them(task: str, count: int, seed: int) -> None:
    label, predicted = numbers(seed)
    found = score(task, label, Predictions(predicted))
    assert len(found) == count or (label == label[0]).all()
    for name, value in found.items():
        assert value == pytest.approx(OF_NUMBERS[name](label, predicted), rel=TOLERANCE, abs=TOLERANCE)


@settings(max_examples=80, deadline=None)
@given(seed=seeds, threshold=st.floats(0.0, 1.0))
def test_two_levels_are_judged_as_scikit_learn_judges_them(seed: int, threshold: float) -> None:
    label, both = chances(seed, 2)
    predictions = tasks.find("binary").predictions(both[:, 1], threshold=threshold)
    found = score("binary", label, predictions)
    assert set(found) == set(OF_TWO) == set(tasks.metrics("binary"))
    for name, value in found.items():
        expected = OF_TWO[name](label, predictions.values, predictions.probabilities)
        assert value == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE), name


@settings(max_examples=80, deadline=None)
@given(seed=seeds, levels=st.integers(3, 9))
def test_several_levels_are_judged_as_scikit_learn_judges_them(seed: int, levels: int) -> None:
    label, each = chances(seed, levels)
    predictions = tasks.find("multiclass").predictions(each, threshold=0.5)
    found = score("multiclass", label, predictions)
    assert set(found) == set(OF_MANY) == set(tasks.metrics("multiclass"))
    for name, value in found.items():
        assert value == pytest.approx(OF_MANY[name](label, predictions.values, each), rel=TOLERANCE, abs=TOLERANCE), (
            name
        )


def test_values_of_a_worked_example() -> None:
    values = score("regression", np.array([100.0, 200]), Predictions(np.array([110.0, 180])))
    assert values["mae"] == 15
    assert values["rmse"] == pytest.approx(np.sqrt(250))
    assert values["mape"] == pytest.approx(0.1)


def test_a_metric_that_the_labels_do_not_define_is_left_out_and_says_why() -> None:
    known = tasks.metrics("regression")
    zero, low = np.array([0.0, 1]), np.array([-2.0, 1])
    assert "mape" not in score("regression", zero, Predictions(zero))
    assert "rmsle" not in score("regression", low, Predictions(zero))
    assert known["mape"].undefined(zero) == "divides by the label, which is 0 in 1 of 2 rows"
    assert known["rmsle"].undefined(low) == "takes the logarithm of 1 + label, and 1 of 2 labels are -1 or less"
    assert known["mae"].undefined(low) is None
    assert known["r2"].undefined(np.ones(3)) is not None
    assert tasks.metrics("binary")["auc"].undefined(np.ones(3)) == "compares levels, and all 3 labels are one"


def test_a_metric_that_the_predictions_do_not_define_is_left_out() -> None:
    label = np.array([1.0, 2.0])
    assert "rmsle" not in score("regression", label, Predictions(np.array([-1.0, 2.0])))
    assert "poisson_deviance" not in score("count", label, Predictions(np.array([0.0, 2.0])))


@pytest.mark.parametrize(
    ("label", "prediction"), [([], []), ([1], [1, 2]), ([1, np.nan], [1, 1]), ([1, 1], [1, np.inf]), ([[1]], [[1]])]
)
def test_what_cannot_be_scored_is_refused(label: list, prediction: list) -> None:
    with pytest.raises(DataError, match="cannot score"):
        score("regression", np.array(label, float), Predictions(np.array(prediction, float)))


@pytest.mark.parametrize("metric", tasks.metrics("regression"))
def test_a_perfect_prediction_is_never_worse(metric: str) -> None:
    label = np.array([1.0, 2.0, 3.0])
    sign = 1 if tasks.metrics("regression")[metric].direction == "minimize" else -1
    perfect, worse = (score("regression", label, Predictions(label + off))[metric] for off in (0, 0.5))
    assert sign * perfect <= sign * worse


@pytest.mark.parametrize("task", tasks.names())
def test_every_task_has_the_metric_that_it_goes_by(task: str) -> None:
    assert tasks.find(task).metric in tasks.metrics(task)


def test_metrics_of_one_name_are_better_in_one_way() -> None:
    for task in tasks.names():
        for name, metric in tasks.metrics(task).items():
            assert tasks.every_metric()[name].direction == metric.direction, name
