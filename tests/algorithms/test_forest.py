from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn import ensemble

from housing.algorithms.base import Fitted
from housing.algorithms.registry import fitting
from housing.testing.algorithm import AlgorithmContract, table

forest = fitting("forest")


class TestContract(AlgorithmContract):
    name = "forest"
    hyperparameters: ClassVar[dict[str, Any]] = {"n_estimators": 40, "max_features": 1.0, "min_samples_leaf": 10}


def _fit(features: Any, label: Any, **hyperparameters: Any) -> Fitted:
    return forest.fit(hyperparameters, forest.matrix(features, label, hyperparameters), seed=0)


def _levels(count: int) -> tuple[Any, Any]:
    features, label = table(1)
    return features, np.digitize(label, np.quantile(label, np.arange(1, count) / count)).astype(np.float32)


@pytest.mark.parametrize(
    ("splitter", "model"), [("best", ensemble.RandomForestRegressor), ("random", ensemble.ExtraTreesRegressor)]
)
def test_numbers_are_scikit_learn_s_also_where_values_are_missing(splitter: str, model: Any) -> None:
    features, label = table(1)
    others, _ = table(2)
    peer = model(n_estimators=20, max_features=0.5, bootstrap=True, random_state=0).fit(features, label)
    ours = forest.load(_fit(features, label, n_estimators=20, splitter=splitter, bootstrap=True).model)
    assert ours.predict(others) == pytest.approx(peer.predict(others), rel=1e-6)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_the_shares_of_all_rows_count_as_one_tree_among_scikit_learn_s(levels: int) -> None:
    features, label = _levels(levels)
    others, _ = table(2)
    peer = ensemble.ExtraTreesClassifier(n_estimators=20, max_features=0.5, criterion="log_loss", random_state=0)
    expected = (20 * peer.fit(features, label.astype(int)).predict_proba(others) + 1 / levels) / 21
    more = {"num_class": levels} if levels > 2 else {}
    ours = forest.load(_fit(features, label, n_estimators=20, criterion="log_loss", **more).model).predict(others)
    assert ours == pytest.approx(expected[:, 1] if levels == 2 else expected, abs=1e-3)


def test_a_level_without_a_training_row_is_possible_and_keeps_its_place() -> None:
    features, label = _levels(4)
    rows = label != 1
    fitted = _fit(features[rows], label[rows], n_estimators=20, criterion="log_loss", num_class=4)
    chances = forest.load(fitted.model).predict(features)
    assert chances.shape == (len(features), 4)
    assert chances.sum(axis=1) == pytest.approx(1)
    assert 0 < chances[:, 1].max() < 1e-3
    assert (chances[rows].argmax(axis=1) == label[rows]).mean() > 0.9
