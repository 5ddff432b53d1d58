"""The contract of runners: subclass it and give it a `runner` fixture.

For another algorithm, such as your own, set `algorithm`, a `point` of its hyperparameters, and so on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest

from housing.algorithms.registry import find
from housing.data.channel import Channel
from housing.errors import TrainingError
from housing.targets.base import Runner
from housing.testing.algorithm import table
from housing.training.job import TrainingJob

HYPERPARAMETERS: dict[str, Any] = {"num_round": 12, "max_depth": 3, "eta": 0.4, "eval_metric": ("mae", "rmse")}


def channel(name: str, seed: int, *, missing: bool = True) -> Channel:
    """A channel of 300 rows; with `missing`, some cells are empty."""
    features, label = table(seed, missing=missing)
    return Channel(name, features, label, tuple("abcdef"), f"digest-{name}-{seed}")


class RunnerContract:
    """`rounds`: how many rounds a job of `point` trains; None for an algorithm without rounds.

    `metrics` are computed after each. The `other_points` give other models; the `broken_point` fails.
    """

    algorithm: ClassVar[str] = "xgboost"
    point: ClassVar[dict[str, Any]] = HYPERPARAMETERS
    rounds: ClassVar[int | None] = 12
    metrics: ClassVar[tuple[str, ...]] = ("mae", "rmse")
    other_points: ClassVar[list[dict[str, Any]]] = [
        *({"max_depth": depth} for depth in (2, 4, 5)),
        # These need separate matrices.
        *({"max_depth": 3, **change} for change in ({"max_bin": 8}, {"tree_method": "exact"})),
    ]
    broken_point: ClassVar[dict[str, Any]] = {"eta": "fast"}

    @pytest.fixture
    def job(self, runner: Runner) -> TrainingJob:
        missing = find(self.algorithm).capabilities.missing_values
        parts = [channel(name, seed, missing=missing) for name, seed in (("train", 1), ("validation", 2))]
        channels = {part.name: runner.stage(part) for part in parts}
        return TrainingJob("job", self.algorithm, self.point, channels, seed=0)

    def test_a_job_returns_a_model_and_its_metrics(self, runner: Runner, job: TrainingJob) -> None:
        result = runner.submit(job).result()
        features, label = table(2, missing=find(self.algorithm).capabilities.missing_values)
        prediction = find(self.algorithm).load(result.model).predict(features)
        assert result.metrics["validation_mae"] == pytest.approx(np.abs(label - prediction).mean(), rel=1e-4)
        named = {f"{channel}_{metric}" for channel in ("train", "validation") for metric in self.metrics}
        assert {name: len(values) for name, values in result.history.items()} == dict.fromkeys(named, self.rounds or 1)
        assert result.best_round == (self.rounds or 1) - 1
        assert result.seconds > 0

    def test_the_same_job_gives_the_same_model(self, runner: Runner, job: TrainingJob) -> None:
        assert runner.submit(job).result().model == runner.submit(job).result().model

    def test_jobs_at_once_do_not_disturb_each_other(self, runner: Runner, job: TrainingJob) -> None:
        points = [self.point, *(self.point | other for other in self.other_points), self.point]
        jobs = [replace(job, name=f"j{n}", hyperparameters=point) for n, point in enumerate(points)]
        at_once = [future.result().model for future in [runner.submit(j) for j in jobs]]
        assert at_once[0] == at_once[-1]
        assert len(set(at_once)) == len(points) - 1
        assert at_once[1:] == [runner.submit(j).result().model for j in jobs[1:]]

    def test_progress_sees_each_round_and_can_stop(self, runner: Runner, job: TrainingJob) -> None:
        if self.rounds is None:
            pytest.skip(f"{self.algorithm} has no rounds")
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
        assert set(result.metrics) == {f"train_{metric}" for metric in self.metrics}

    def test_a_failed_job_names_itself_and_leaves_the_runner_usable(self, runner: Runner, job: TrainingJob) -> None:
        bad = replace(job, name="t07", hyperparameters=self.point | self.broken_point)
        with pytest.raises(TrainingError, match="t07"):
            runner.submit(bad).result()
        assert runner.submit(job).result().best_round == (self.rounds or 1) - 1
