"""The contract of runners for users' training scripts: subclass it and give it a `runner` fixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from housing.algorithms.registry import find
from housing.errors import TrainingError
from housing.targets.base import Runner
from housing.testing.algorithm import table
from housing.testing.runner import channel
from housing.testing.scripts import linear, program
from housing.training.job import TrainingJob


class ScriptRunnerContract:
    @pytest.fixture
    def job(self, runner: Runner) -> TrainingJob:
        channels = {name: runner.stage(channel(name, seed)) for name, seed in (("train", 1), ("validation", 2))}
        return TrainingJob(
            "job", "script", {"rounds": 12, "rate": 0.5}, channels, seed=0, handle=runner.handle(), code=linear()
        )

    def faulty(self, runner: Runner, job: TrainingJob, fault: str) -> TrainingJob:
        hyperparameters = dict(job.hyperparameters) | {"fault": fault}
        return replace(job, name="t07", hyperparameters=hyperparameters, handle=runner.handle())

    def test_a_script_returns_the_model_that_it_wrote_and_the_metrics_that_it_printed(
        self, runner: Runner, job: TrainingJob
    ) -> None:
        result = runner.submit(job).result()
        features, label = table(2)
        prediction = find("script").load(result.model).predict(features)
        assert result.metrics["validation_mae"] == pytest.approx(np.abs(label - prediction).mean(), rel=1e-6)
        assert {name: len(values) for name, values in result.history.items()} == {
            "train_mae": 12,
            "validation_mae": 12,
        }
        assert (result.best_round, result.model_format) == (11, "tar.gz")
        assert result.seconds > 0

    def test_the_same_script_gives_the_same_model(self, runner: Runner, job: TrainingJob) -> None:
        again = replace(job, handle=runner.handle())
        assert runner.submit(job).result().model == runner.submit(again).result().model

    def test_progress_sees_each_round_of_a_script_and_can_stop_it(self, runner: Runner, job: TrainingJob) -> None:
        slow = replace(job, hyperparameters=dict(job.hyperparameters) | {"rounds": 1000, "pause_s": 0.02})
        seen: list[int] = []

        def watch(number: int, metrics: Mapping[str, float]) -> bool:
            assert metrics["validation_mae"] > 0
            seen.append(number)
            return number >= 3

        result = runner.submit(slow, watch).result()
        assert result.stopped
        assert seen[:4] == [0, 1, 2, 3]
        assert len(result.history["train_mae"]) < 900

    def test_a_script_without_validation_trains(self, runner: Runner, job: TrainingJob) -> None:
        result = runner.submit(replace(job, channels={"train": job.channels["train"]})).result()
        assert set(result.metrics) == {"train_mae"}

    def test_a_crash_tells_what_the_script_said_last(self, runner: Runner, job: TrainingJob) -> None:
        with pytest.raises(TrainingError, match=r"(?s)t07.*ArithmeticError: the loss is not finite"):
            runner.submit(self.faulty(runner, job, "crash")).result()

    def test_a_script_without_a_required_package_says_which(self, runner: Runner, job: TrainingJob) -> None:
        sources = {"train.py": b"", "requirements.txt": b"numpy\nno-such-package-of-ours>=2\n"}
        needy = replace(job, code=program(sources, requirements="requirements.txt"))
        with pytest.raises(TrainingError, match="no-such-package-of-ours"):
            runner.submit(needy).result()
