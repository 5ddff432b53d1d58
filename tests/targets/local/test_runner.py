from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from housing.algorithms.registry import find
from housing.data.channel import Channel
from housing.targets.base import Runner
from housing.targets.local.target import Settings, open_runner
from housing.testing.algorithm import table
from housing.testing.points import LightGBMJobs
from housing.testing.runner import RunnerContract
from housing.testing.script_runner import ScriptRunnerContract
from housing.training.job import TrainingJob


class TestLocalRunner(RunnerContract):
    @pytest.fixture
    def runner(self) -> Iterator[Runner]:
        local = open_runner(Settings())
        yield local
        local.close()


class TestLightGBM(LightGBMJobs, TestLocalRunner):
    pass


class TestScripts(ScriptRunnerContract):
    @pytest.fixture
    def runner(self) -> Iterator[Runner]:
        local = open_runner(Settings())
        yield local
        local.close()


def test_metrics_of_a_log_label_are_in_the_label_s_unit() -> None:
    local = open_runner(Settings())
    features, label = table(1)
    channels = {"train": local.stage(Channel("train", features, np.log(label), tuple("abcdef"), "log"))}
    job = TrainingJob(
        "log", "xgboost", {"num_round": 30, "eval_metric": ("mae",)}, channels, seed=0, label_transform="log"
    )
    result = local.submit(job).result()
    prediction = np.exp(find("xgboost").load(result.model).predict(features))
    assert result.metrics["train_mae"] == pytest.approx(np.abs(label - prediction).mean(), rel=1e-3)
    assert result.metrics["train_mae_trained"] < 0.1 < result.metrics["train_mae"]
    local.close()
