"""Tables of trees answer what the library answers, to the last bit, or there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks import compiled as random_models
from housing.algorithms.base import find, fitting
from housing.algorithms.trees import TreeTables
from housing.training.compiled import difference, rows_about


@pytest.mark.parametrize("seed", range(24))
def test_random_models_are_answered_to_the_last_bit_or_refused(seed: int) -> None:
    result = random_models.compare(seed)
    assert not result.differing, result
    assert result.is_compiled or "levels" in result.reason, result


@pytest.mark.parametrize(
    ("algorithm", "hyperparameters"),
    [("xgboost", {"num_round": 5, "max_depth": 3}), ("lightgbm", {"num_boost_round": 5, "min_data_in_leaf": 2})],
)
def test_tables_are_the_same_after_they_were_written_and_read(algorithm: str, hyperparameters: dict[str, Any]) -> None:
    model = _fitted(algorithm, hyperparameters)
    tables = find(algorithm).trees(model)
    assert tables is not None
    again = TreeTables.from_bytes(tables.to_bytes())
    assert difference(again, find(algorithm).load(model), rows_about(again, 100)) is None


def test_another_model_is_not_taken_for_the_same() -> None:
    model = _fitted("xgboost", {"num_round": 5, "max_depth": 3})
    tables = find("xgboost").trees(model)
    assert tables is not None
    booster = find("xgboost").load(_fitted("xgboost", {"num_round": 5, "max_depth": 3, "eta": 0.30001}))
    assert "differ" in str(difference(tables, booster, rows_about(tables, 100)))


@pytest.mark.parametrize("content", [b"", b"no tables", b"PK\x03\x04 cut"])
def test_bytes_that_are_no_tables_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no tables of trees"):
        TreeTables.from_bytes(content)


def _fitted(algorithm: str, hyperparameters: dict[str, Any]) -> bytes:
    random = np.random.default_rng(0)
    features = random.normal(size=(80, 3)).astype(np.float32)
    fit = fitting(algorithm)
    matrix = fit.matrix(features, features.sum(axis=1), hyperparameters)
    return fit.fit(hyperparameters, matrix, seed=0).model
