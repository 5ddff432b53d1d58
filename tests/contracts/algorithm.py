"""What every algorithm promises; subclass it and set `name` and `hyperparameters`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from housing.algorithms.base import Hyperparameter, find

ROWS = 300


def table(seed: int, rows: int = ROWS) -> tuple[np.ndarray, np.ndarray]:
    """Features with missing values, and a label that depends on them."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(rows, 6)).astype(np.float32)
    label = (100 + 20 * features[:, 0] + 5 * features[:, 1] ** 2 + generator.normal(size=rows)).astype(np.float32)
    features[generator.random(features.shape) < 0.1] = np.nan
    return features, label


class AlgorithmContract:
    name: ClassVar[str]
    hyperparameters: ClassVar[dict[str, Any]]

    @pytest.fixture
    def algorithm(self) -> Any:
        return find(self.name)

    def fit(self, algorithm: Any, seed: int = 0, **options: Any) -> Any:
        train = algorithm.matrix(*table(1), self.hyperparameters)
        validation = algorithm.matrix(*table(2), self.hyperparameters, reference=train)
        return algorithm.fit(self.hyperparameters, train, validation, seed=seed, **options)

    def test_every_hyperparameter_is_described(self, algorithm: Any) -> None:
        for name, rule in algorithm.HYPERPARAMETERS.items():
            assert isinstance(rule, Hyperparameter)
            assert rule.about, name
            if rule.low is not None and rule.high is not None:
                assert rule.low <= rule.high, name

    def test_required_hyperparameters_exist(self, algorithm: Any) -> None:
        assert set(algorithm.REQUIRED) <= set(algorithm.HYPERPARAMETERS)

    def test_same_seed_gives_the_same_bytes(self, algorithm: Any) -> None:
        assert self.fit(algorithm, seed=3).model == self.fit(algorithm, seed=3).model

    def test_history_has_one_value_a_round_for_both_channels(self, algorithm: Any) -> None:
        fitted = self.fit(algorithm)
        lengths = {len(values) for metrics in fitted.history.values() for values in metrics.values()}
        assert set(fitted.history) == {"train", "validation"}
        assert len(lengths) == 1
        assert fitted.best_round < lengths.pop()

    def test_a_saved_model_predicts_what_the_history_says(self, algorithm: Any) -> None:
        fitted = self.fit(algorithm)
        features, label = table(2)
        error = float(np.abs(label - algorithm.load(fitted.model).predict(features)).mean())
        assert error == pytest.approx(fitted.history["validation"]["mae"][fitted.best_round], rel=1e-5)

    def test_learning_beats_the_mean(self, algorithm: Any) -> None:
        _, label = table(2)
        fitted = self.fit(algorithm)
        assert fitted.history["validation"]["mae"][-1] < 0.7 * np.abs(label - label.mean()).mean()

    def test_progress_can_stop_a_job(self, algorithm: Any) -> None:
        fitted = self.fit(algorithm, progress=lambda number, newest: number == 2)
        assert fitted.stopped
        assert len(fitted.history["train"]["mae"]) == 3

    def test_importance_names_columns_and_shares_sum_to_one(self, algorithm: Any) -> None:
        shares = algorithm.importance(self.fit(algorithm).model, list("abcdef"))
        assert set(shares) <= set("abcdef")
        assert sum(shares.values()) == pytest.approx(1)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)

    def test_bytes_that_are_no_model_are_refused(self, algorithm: Any) -> None:
        with pytest.raises(ValueError, match="not a"):
            algorithm.load(b"{}")
