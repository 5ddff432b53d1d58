"""What every runner promises; subclass it and give a `runner` fixture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from housing.algorithms.base import find
from housing.data.channel import Channel
from housing.errors import TrainingError
from housing.targets.base import Runner
from housing.training.job import TrainingJob
from tests.contracts.algorithm import table

HYPERPARAMETERS = {"num_round": 12, "max_depth": 3, "eta": 0.4, "eval_metric": ("mae", "rmse")}


def channel(name: str, seed: int) -> Channel:
    features, label = table(seed)
    return Channel(name, features, label, tuple("abcdef"), f"digest-{name}-{seed}")


class RunnerContract:
    @pytest.fixture
    def job(self, runner: Runner) -> TrainingJob:
        channels = {name: runner.stage(channel(name, seed)) for name, seed in (("train", 1), ("validation", 2))}
        return TrainingJob("job", "xgboost", HYPERPARAMETERS, channels, seed=0)

    def test_a_job_returns_a_model_and_its_metrics(self, runner: Runner, job: TrainingJob) -> None:
        result = runner.submit(job).result()
        features, label = table(2)
        prediction = find("xgboost").load(result.model).predict(features)
        assert result.metrics["validation_mae"] == pytest.approx(np.abs(label - prediction).mean(), rel=1e-4)
        assert {name: len(values) for name, values in result.history.items()} == dict.fromkeys(
            ("train_mae", "train_rmse", "validation_mae", "validation_rmse"), 12
        )
        assert result.best_round == 11
        assert result.seconds > 0

    def test_the_same_job_gives_the_same_model(self, runner: Runner, job: TrainingJob) -> None:
        assert runner.submit(job).result().model == runner.submit(job).result().model

    def test_jobs_at_once_do_not_disturb_each_other(self, runner: Runner, job: TrainingJob) -> None:
        depths = (2, 3, 4, 5)
        jobs = [replace(job, name=f"d{d}", hyperparameters=HYPERPARAMETERS | {"max_depth": d}) for d in depths]
        at_once = [future.result().model for future in [runner.submit(j) for j in jobs]]
        assert at_once == [runner.submit(j).result().model for j in jobs]

    def test_jobs_that_need_different_matrices_run_at_once(self, runner: Runner, job: TrainingJob) -> None:
        changes: list[dict[str, Any]] = [{}, {"max_bin": 8}, {"tree_method": "exact"}, {"max_bin": 8}]
        jobs = [replace(job, hyperparameters=HYPERPARAMETERS | change) for change in changes]
        models = [future.result().model for future in [runner.submit(j) for j in jobs]]
        assert models[1] == models[3]
        assert len(set(models)) == 3

    def test_progress_sees_each_round_and_can_stop(self, runner: Runner, job: TrainingJob) -> None:
        seen: list[int] = []

        def watch(number: int, metrics: Any) -> bool:
            assert metrics["validation_mae"] > 0
            seen.append(number)
            return number >= 3

        result = runner.submit(job, watch).result()
        assert result.stopped
        assert seen == [0, 1, 2, 3]

    def test_a_job_without_validation_trains(self, runner: Runner, job: TrainingJob) -> None:
        result = runner.submit(replace(job, channels={"train": job.channels["train"]})).result()
        assert set(result.metrics) == {"train_mae", "train_rmse"}

    def test_a_failed_job_names_itself_and_leaves_the_runner_usable(self, runner: Runner, job: TrainingJob) -> None:
        bad = replace(job, name="t07", hyperparameters=HYPERPARAMETERS | {"eta": "fast"})
        with pytest.raises(TrainingError, match="t07"):
            runner.submit(bad).result()
        assert runner.submit(job).result().best_round == 11
