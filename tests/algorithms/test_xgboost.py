from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import pytest

from housing.algorithms.base import Fitted, StagedModel
from housing.algorithms.registry import fitting, names
from housing.testing.algorithm import AlgorithmContract, table

algorithm = fitting("xgboost")


class TestContract(AlgorithmContract):
    name = "xgboost"
    hyperparameters: ClassVar[dict[str, Any]] = {"num_round": 20, "max_depth": 3, "eta": 0.3, "eval_metric": ("mae",)}


def test_algorithms_are_found_by_file_name() -> None:
    assert "xgboost" in names()
    assert "base" not in names()


def _fit(**changed: Any) -> Fitted:
    hyperparameters = {"num_round": 40, "max_depth": 6, "eta": 0.5, "eval_metric": ("mae",)} | changed
    train = algorithm.matrix(*table(1), hyperparameters)
    validation = algorithm.matrix(*table(2), hyperparameters, reference=train)
    return algorithm.fit(hyperparameters, train, validation, seed=0)


def test_early_stopping_keeps_the_best_round() -> None:
    fitted = _fit(early_stopping_rounds=4)
    validation = fitted.history["validation"]["mae"]
    assert len(validation) < 40
    assert fitted.best_round == int(np.argmin(validation))
    loaded = algorithm.load(fitted.model)
    assert isinstance(loaded, StagedModel)
    assert loaded.rounds == fitted.best_round + 1


def test_the_last_metric_decides_early_stopping() -> None:
    by_rmse = _fit(early_stopping_rounds=4, eval_metric=("mae", "rmse"))
    assert by_rmse.best_round == int(np.argmin(by_rmse.history["validation"]["rmse"]))


def test_binned_and_plain_matrices_give_the_same_model() -> None:
    import xgboost

    features, label = table(1)
    parameters = {"max_depth": 5, "eta": 0.5, "nthread": 1, "seed": 0, "eval_metric": ["mae"], "verbosity": 1}
    plain = xgboost.train(parameters, xgboost.DMatrix(features, label), 20)
    hyperparameters = {"num_round": 20, "max_depth": 5, "eta": 0.5, "eval_metric": ("mae",)}
    ours = algorithm.fit(hyperparameters, algorithm.matrix(features, label, hyperparameters), seed=0)
    assert np.array_equal(
        algorithm.load(ours.model).predict(features), plain.inplace_predict(features, validate_features=False)
    )


@pytest.mark.parametrize(
    "change", [{"tree_method": "exact"}, {"tree_method": "approx"}, {"max_bin": 16}, {"booster": "dart"}]
)
def test_every_kind_of_matrix_trains(change: dict[str, Any]) -> None:
    assert _fit(num_round=5, **change).best_round == 4


def test_threads_sharing_a_matrix_get_the_results_of_one_thread() -> None:
    hyperparameters = [
        {"num_round": 15, "max_depth": depth, "eta": 0.3, "eval_metric": ("mae",)} for depth in range(2, 8)
    ]
    train = algorithm.matrix(*table(1), hyperparameters[0])

    def fit(values: dict[str, Any]) -> bytes:
        return algorithm.fit(values, train, seed=0).model

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fit, hyperparameters * 3)) == [fit(values) for values in hyperparameters * 3]


def test_label_metrics_stand_beside_the_library_s_own() -> None:
    hyperparameters = {"num_round": 3, "eval_metric": ("mae",)}
    train = algorithm.matrix(*table(1), hyperparameters)
    fitted = algorithm.fit(
        hyperparameters, train, seed=0, label_metrics={"worst": lambda y, p, _weights: float(np.abs(y - p).max())}
    )
    assert set(fitted.history["train"]) == {"mae", "worst"}


def test_importance_names_columns_and_sums_to_one() -> None:
    shares = algorithm.importance(_fit().model, ["a", "b", "c", "d", "e", "f"])
    assert next(iter(shares)) == "a"
    assert sum(shares.values()) == pytest.approx(1)


def test_the_first_two_jobs_on_an_exact_matrix_may_run_at_once() -> None:
    rng = np.random.default_rng(0)
    features = rng.random((800, 200), dtype=np.float32)
    label = features[:, 0] + rng.random(800, dtype=np.float32)
    hyperparameters = {"num_round": 5, "tree_method": "exact", "max_depth": 4}

    def model(shared: object) -> bytes:
        return algorithm.fit(hyperparameters, shared, seed=0).model

    expected = model(algorithm.matrix(features, label, hyperparameters))
    for _ in range(5):
        shared = algorithm.matrix(features, label, hyperparameters)
        with ThreadPoolExecutor(2) as pool:
            assert set(pool.map(model, [shared, shared])) == {expected}
