from __future__ import annotations

import pytest

from housing.data.channel import Channel
from housing.tasks.transforms import applied
from housing.testing.algorithm import table
from housing.training.fit import Matrices, fit
from housing.training.job import TrainingJob
from housing.training.scoring import scored


def channels(transform: str) -> dict[str, Channel]:
    def made(name: str, seed: int) -> Channel:
        features, label = table(seed)
        return Channel(name, features, applied(transform, label), tuple("abcdef"), f"{name}{seed}")

    return {"train": made("train", 1), "validation": made("validation", 2)}


@pytest.mark.parametrize("objective", ["reg:squarederror", "reg:tweedie", "reg:absoluteerror"])
@pytest.mark.parametrize("transform", ["none", "log", "sqrt"])
def test_a_model_tells_the_history_of_its_training(objective: str, transform: str) -> None:
    hyperparameters = {"num_round": 15, "objective": objective, "eval_metric": ("mae", "rmse"), "subsample": 0.8}
    job = TrainingJob("job", "xgboost", hyperparameters, channels(transform), seed=1, label_transform=transform)
    result = fit(job, Matrices())
    told = scored(job, channels(transform), result.model)
    assert set(told) == set(result.history)
    for name, values in told.items():
        assert values == pytest.approx(result.history[name], rel=1e-6)


def test_of_dart_the_last_round_is_known() -> None:
    hyperparameters = {"num_round": 8, "booster": "dart", "rate_drop": 0.3, "eval_metric": ("mae",)}
    job = TrainingJob("job", "xgboost", hyperparameters, channels("none"), seed=1)
    result = fit(job, Matrices())
    told = scored(job, channels("none"), result.model)
    assert told["validation_mae"] == [pytest.approx(result.metrics["validation_mae"], rel=1e-5)]
