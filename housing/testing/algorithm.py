"""The contract of algorithms: subclass it and set `name` and `hyperparameters`, and `code` for the user's own code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from housing.algorithms.base import Algorithm, Hyperparameter
from housing.algorithms.own_code import Program
from housing.algorithms.registry import find
from housing.data.channel import Channel
from housing.data.stored_matrix import StoredMatrix
from housing.training.fit import Matrices, fit
from housing.training.job import Progress, TrainingJob, TrainingResult

ROWS = 300


def table(seed: int, rows: int = ROWS, *, missing: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Features, some of them `missing`, and a label that depends on them."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(rows, 6)).astype(np.float32)
    label = (100 + 20 * features[:, 0] + 5 * features[:, 1] ** 2 + generator.normal(size=rows)).astype(np.float32)
    if missing:
        features[generator.random(features.shape) < 0.1] = np.nan
    return features, label


class AlgorithmContract:
    name: ClassVar[str]
    hyperparameters: ClassVar[dict[str, Any]]
    code: ClassVar[Program | None] = None

    @pytest.fixture
    def algorithm(self) -> Algorithm:
        return find(self.name)

    @pytest.fixture
    def matrices(self) -> Iterator[Matrices]:
        shared = Matrices()
        yield shared
        shared.clear()

    @property
    def has_rounds(self) -> bool:
        """Whether it has several rounds, with metrics after each."""
        return self.code is not None or find(self.name).capabilities.rounds is not None

    def table(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows that it supports."""
        return table(seed, missing=find(self.name).capabilities.missing_values)

    def train(self, matrices: Matrices, seed: int = 0, progress: Progress | None = None) -> TrainingResult:
        channels = {}
        for name, rows in (("train", 1), ("validation", 2)):
            features, label = self.table(rows)
            channels[name] = Channel(name, features, label, tuple("abcdef"), name)
        draws = self.code is not None or "seed" in find(self.name).hyperparameters
        point = self.hyperparameters | ({"seed": seed} if draws else {})
        return fit(
            TrainingJob("job", self.name, point, channels, seed=seed, code=self.code), matrices, progress=progress
        )

    def test_every_hyperparameter_is_described(self, algorithm: Algorithm) -> None:
        for name, rule in algorithm.hyperparameters.items():
            assert isinstance(rule, Hyperparameter)
            assert rule.about, name
            if rule.low is not None and rule.high is not None:
                assert rule.low <= rule.high, name

    def test_what_it_says_of_its_hyperparameters_is_about_those_that_it_has(self, algorithm: Algorithm) -> None:
        has = algorithm.capabilities
        named = {*algorithm.required, has.rounds, has.early_stopping, has.round_metrics, has.loss} - {None}
        assert named <= set(algorithm.hyperparameters)

    def test_same_seed_gives_the_same_bytes(self, matrices: Matrices) -> None:
        assert self.train(matrices, seed=3).model == self.train(matrices, seed=3).model

    def test_history_has_one_value_a_round_for_both_channels(self, matrices: Matrices) -> None:
        result = self.train(matrices)
        lengths = {len(values) for values in result.history.values()}
        assert {"train_mae", "validation_mae"} <= set(result.history)
        assert len(lengths) == 1
        assert result.best_round < lengths.pop()

    def test_a_saved_model_predicts_what_the_history_says(self, algorithm: Algorithm, matrices: Matrices) -> None:
        result = self.train(matrices)
        features, label = self.table(2)
        error = float(np.abs(label - algorithm.load(result.model).predict(features)).mean())
        assert error == pytest.approx(result.history["validation_mae"][result.best_round], rel=1e-5)
        assert result.metrics["validation_mae"] == result.history["validation_mae"][result.best_round]

    def test_weights_say_how_much_a_row_counts(self, algorithm: Algorithm, matrices: Matrices) -> None:
        if not algorithm.capabilities.weights:
            pytest.skip(f"{self.name} declares no weights")
        (features, label), (others, truth) = self.table(1), self.table(2)
        wrong = np.arange(len(label)) % 2 == 1
        label = np.where(wrong, -label, label).astype(np.float32)
        errors = []
        for number, weights in enumerate((None, np.where(wrong, 1e-3, 1.0).astype(np.float32))):
            train = Channel("train", features, label, tuple("abcdef"), f"weighed {number}", weights)
            job = TrainingJob("job", self.name, self.hyperparameters, {"train": train}, seed=0, weighed=bool(number))
            model = algorithm.load(fit(job, matrices).model)
            errors.append(float(np.abs(truth - model.predict(others)).mean()))
        assert errors[1] < 0.5 * errors[0]

    def test_codes_of_levels_have_no_order(self, algorithm: Algorithm, matrices: Matrices) -> None:
        """Levels whose codes alternate between two means: few splits separate them only if treated as levels."""
        if not algorithm.capabilities.categorical_inputs:
            pytest.skip(f"{self.name} declares no categorical_inputs")
        codes = np.random.default_rng(0).integers(0, 64, ROWS * 4).astype(np.float32)
        label = np.where(codes % 2 == 0, 100, 200).astype(np.float32)
        other = np.random.default_rng(1).normal(size=len(codes)).astype(np.float32)
        train = Channel("train", np.column_stack([other, codes]), label, ("a", "level"), "levels", categorical=(1,))
        job = TrainingJob("job", self.name, self.hyperparameters, {"train": train}, seed=0)
        result = fit(job, matrices)
        model = algorithm.load(result.model)
        found = model.predict(np.array([[0, 10], [0, 11], [0, 12], [0, np.nan]], np.float32))
        assert found[:3] == pytest.approx([100, 200, 100], abs=15)
        assert np.isfinite(found[3])
        assert next(iter(algorithm.importance(result.model, ["a", "level"]))) == "level"

    def test_rows_from_disk_give_the_model_that_they_give_at_once(
        self, algorithm: Algorithm, matrices: Matrices, tmp_path: Path
    ) -> None:
        """With few values per column, so that bins are exact however the rows are read."""
        if not algorithm.capabilities.batches:
            pytest.skip(f"{self.name} declares no batches")
        features, label = (np.round(values, 1) for values in self.table(1))
        weights = np.linspace(0.5, 2, len(label)).astype(np.float32)
        stored = StoredMatrix(tmp_path, features.shape[1], cells_a_batch=50 * features.shape[1])
        stored.add(features)
        models = []
        for number, on_disk in enumerate((None, stored)):
            given = features if on_disk is None else on_disk.whole()
            train = Channel(
                "train", given, label, tuple("abcdef"), f"from {number}", weights, categorical=(), stored=on_disk
            )
            channels = {"train": train, "validation": replace(train, name="validation", digest=f"judged {number}")}
            job = TrainingJob("job", self.name, self.hyperparameters, channels, seed=0, weighed=True)
            models.append(fit(job, matrices))
        assert models[1].model == models[0].model
        assert models[1].metrics == models[0].metrics

    def test_answers_rise_or_fall_only_where_it_is_asked(self, algorithm: Algorithm, matrices: Matrices) -> None:
        if algorithm.capabilities.monotone is None:
            pytest.skip(f"{self.name} declares no monotone")
        features, label = self.table(1)
        signs = (1, -1, 0, 0, 1, 0)
        train = Channel("train", features, label, tuple("abcdef"), "directions", directions=signs)
        job = TrainingJob("job", self.name, self.hyperparameters, {"train": train}, seed=0)
        model = algorithm.load(fit(job, matrices).model)
        rows = np.nan_to_num(self.table(2)[0])
        for column, sign in enumerate(signs):
            steps = []
            for value in np.linspace(-3, 3, 25):
                rows[:, column] = value
                steps.append(model.predict(rows))
            if sign:
                assert (np.diff(steps, axis=0) * sign >= -1e-4).all(), column
        assert float(np.std(model.predict(self.table(2)[0]))) > 1

    def test_learning_beats_the_mean(self, matrices: Matrices) -> None:
        _, label = self.table(2)
        assert self.train(matrices).history["validation_mae"][-1] < 0.7 * np.abs(label - label.mean()).mean()

    def test_progress_can_stop_a_job(self, matrices: Matrices) -> None:
        if not self.has_rounds:
            pytest.skip(f"{self.name} has no rounds")
        seen: list[int] = []

        def watch(number: int, newest: Mapping[str, float]) -> bool:
            assert set(newest) == {"train_mae", "validation_mae"}
            seen.append(number)
            return number == 2

        result = self.train(matrices, progress=watch)
        assert result.stopped
        assert seen == [0, 1, 2]
        assert len(result.history["train_mae"]) >= 3

    def test_importance_names_columns_and_shares_sum_to_one(self, algorithm: Algorithm, matrices: Matrices) -> None:
        shares = algorithm.importance(self.train(matrices).model, list("abcdef"))
        assert set(shares) <= set("abcdef")
        assert sum(shares.values()) == pytest.approx(1 if shares else 0)
        assert list(shares.values()) == sorted(shares.values(), reverse=True)

    def test_bytes_that_are_no_model_are_refused(self, algorithm: Algorithm) -> None:
        with pytest.raises(ValueError, match="not a"):
            algorithm.load(b"{}")
