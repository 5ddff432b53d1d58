from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from housing.algorithms.base import Fitted
from housing.algorithms.registry import fitting
from housing.testing.algorithm import AlgorithmContract, table

catboost = fitting("catboost")


class TestContract(AlgorithmContract):
    name = "catboost"
    hyperparameters: ClassVar[dict[str, Any]] = {
        "iterations": 20,
        "depth": 4,
        "learning_rate": 0.3,
        "eval_metric": ("MAE",),
    }


def _fit(*, levels: int = 0, weights: Any = None, label_metrics: Any = None, **changed: Any) -> Fitted:
    point = {"iterations": 60, "depth": 5, "learning_rate": 0.5, "eval_metric": ("MAE",)} | changed
    matrices = []
    for seed in (1, 2):
        features, label = table(seed)
        if levels:
            label = np.digitize(label, np.quantile(table(1)[1], np.arange(1, levels) / levels)).astype(np.float32)
        matrices.append(catboost.matrix(features, label, point, weights=weights if seed == 1 else None))
    return catboost.fit(point, *matrices, seed=0, label_metrics=label_metrics)


def test_early_stopping_keeps_the_best_round() -> None:
    fitted = _fit(early_stopping_rounds=4)
    validation = fitted.history["validation"]["mae"]
    assert fitted.best_round + 1 < len(validation) < 60
    assert fitted.best_round == int(np.argmin(validation))
    features, label = table(2)
    kept = catboost.load(fitted.model).predict(features)
    assert np.abs(label - kept).mean() == pytest.approx(min(validation), rel=1e-5)


def test_several_metrics_are_measured_and_the_last_one_decides() -> None:
    fitted = _fit(eval_metric=("MAE", "RMSE"), early_stopping_rounds=4)
    assert set(fitted.history["train"]) == set(fitted.history["validation"]) == {"mae", "rmse"}
    assert fitted.best_round == int(np.argmin(fitted.history["validation"]["rmse"]))


def test_metrics_of_the_label_have_a_value_for_each_round() -> None:
    def doubled(label: Any, prediction: Any, _weights: Any) -> float:
        return float(2 * np.abs(label - prediction).mean())

    fitted = _fit(iterations=8, label_metrics={"doubled": doubled})
    for channel in ("train", "validation"):
        measured = fitted.history[channel]
        assert measured["doubled"] == pytest.approx([2 * value for value in measured["mae"]], rel=1e-4)


@pytest.mark.parametrize(("levels", "loss"), [(2, "Logloss"), (4, "MultiClass")])
def test_probabilities_are_of_the_second_level_or_of_each(levels: int, loss: str) -> None:
    more = {"classes_count": levels} if levels > 2 else {}
    fitted = _fit(levels=levels, loss_function=loss, eval_metric=(loss,), early_stopping_rounds=5, **more)
    chances = catboost.load(fitted.model).predict(table(2)[0])
    assert chances.shape == ((300,) if levels == 2 else (300, levels))
    label = np.digitize(table(2)[1], np.quantile(table(1)[1], np.arange(1, levels) / levels))
    of_truth = np.where(label == 1, chances, 1 - chances) if levels == 2 else chances[np.arange(300), label]
    assert -np.log(of_truth).mean() == pytest.approx(min(fitted.history["validation"]["log_loss"]), rel=1e-5)


def test_weights_of_rows_change_the_model() -> None:
    assert _fit(weights=np.linspace(0, 1, 300, dtype=np.float32)).model != _fit().model
