from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest

from housing.algorithms.base import Fitted
from housing.algorithms.registry import fitting
from housing.testing.algorithm import AlgorithmContract, table

lightgbm = fitting("lightgbm")


class TestContract(AlgorithmContract):
    name = "lightgbm"
    hyperparameters: ClassVar[dict[str, Any]] = {
        "num_boost_round": 20,
        "num_leaves": 8,
        "learning_rate": 0.3,
        "metric": ("mae",),
    }


def _fit(**changed: Any) -> Fitted:
    hyperparameters = {"num_boost_round": 60, "num_leaves": 31, "learning_rate": 0.5, "metric": ("mae",)} | changed
    train = lightgbm.matrix(*table(1), hyperparameters)
    validation = lightgbm.matrix(*table(2), hyperparameters, reference=train)
    return lightgbm.fit(hyperparameters, train, validation, seed=0)


def test_early_stopping_keeps_the_best_round() -> None:
    fitted = _fit(early_stopping_rounds=4)
    validation = fitted.history["validation"]["mae"]
    assert len(validation) < 60
    assert fitted.best_round == int(np.argmin(validation))
    features, label = table(2)
    kept = lightgbm.load(fitted.model).predict(features)
    assert np.abs(label - kept).mean() == pytest.approx(min(validation), rel=1e-6)


def test_the_last_metric_decides_early_stopping() -> None:
    by_rmse = _fit(early_stopping_rounds=4, metric=("mae", "rmse"))
    assert by_rmse.best_round == int(np.argmin(by_rmse.history["validation"]["rmse"]))


def test_dart_keeps_its_last_round_whatever_the_patience() -> None:
    fitted = _fit(num_boost_round=12, boosting="dart", early_stopping_rounds=1)
    assert (fitted.best_round, len(fitted.history["train"]["mae"])) == (11, 12)


@pytest.mark.parametrize("change", [{"max_bin": 16}, {"min_data_in_bin": 20}, {"boosting": "dart"}])
def test_every_kind_of_matrix_trains(change: dict[str, Any]) -> None:
    assert _fit(num_boost_round=5, **change).best_round == 4


def test_threads_sharing_a_matrix_get_the_results_of_one_thread() -> None:
    shared = {"num_boost_round": 15, "learning_rate": 0.3, "metric": ("mae",), "bagging_fraction": 0.7}
    points = [shared | {"num_leaves": leaves, "min_data_in_leaf": leaves, "bagging_freq": 1} for leaves in range(3, 11)]
    train = lightgbm.matrix(*table(1), points[0])
    validation = lightgbm.matrix(*table(2), points[0], reference=train)

    def fit(values: dict[str, Any]) -> bytes:
        return lightgbm.fit(values, train, validation, seed=0).model

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fit, points * 3)) == [fit(values) for values in points * 3]


def test_a_job_does_not_depend_on_what_trained_on_its_matrix_before() -> None:
    point = {"num_boost_round": 5, "num_leaves": 6, "min_data_in_leaf": 5}
    other = point | {"min_data_in_leaf": 120, "num_leaves": 3}
    used = lightgbm.matrix(*table(1), other)
    lightgbm.fit(other, used, seed=0)
    fresh = lightgbm.matrix(*table(1), point)
    assert lightgbm.fit(point, used, seed=0).model == lightgbm.fit(point, fresh, seed=0).model


def test_a_cut_model_is_refused() -> None:
    model = _fit(num_boost_round=3).model
    with pytest.raises(ValueError, match="not a LightGBM model"):
        lightgbm.load(model[: len(model) // 2])
