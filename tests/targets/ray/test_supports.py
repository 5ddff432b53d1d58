"""What several Ray workers refuse to train together is told from the configuration, before any of them is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from housing.algorithms.own_code import Image, Program
from housing.targets.ray.target import Settings, supports

FIT_TOGETHER: Mapping[str, Any] = {"tree_method": "hist", "booster": "gbtree"}
PROGRAM = Program("train.py", b"", "pytorch", "2.6", "py312", metrics={})


@pytest.mark.parametrize(
    ("algorithm", "code", "hyperparameters", "essential"),
    [
        ("lightgbm", None, {}, "lightgbm cannot be fitted by several processes together"),
        ("linear", None, {}, "linear cannot be fitted by several processes together"),
        ("script", PROGRAM, {}, "script cannot be fitted by several processes together"),
        ("xgboost", None, {"tree_method": "exact"}, "xgboost with tree_method exact cannot be fitted by several"),
        ("xgboost", None, {"booster": "gblinear"}, "xgboost with booster gblinear cannot be fitted by several"),
    ],
)
def test_what_cannot_be_fitted_together_is_refused_by_two_workers_and_trained_by_one(
    algorithm: str, code: Program | None, hyperparameters: Mapping[str, Any], essential: str
) -> None:
    (why,) = supports(Settings(workers=2), algorithm, code, hyperparameters)
    assert why.startswith(f"runner.workers: {essential}")
    assert "runner.workers=1" in why
    assert "algorithm=xgboost" in why
    assert not supports(Settings(workers=1), algorithm, code, hyperparameters)


def test_images_are_refused_by_any_number_of_workers() -> None:
    image = Image("registry.example/train:1")
    for workers in (1, 2):
        (why,) = supports(Settings(workers=workers), "container", image, {})
        assert why.startswith("algorithm.container: ")


def test_trees_of_histograms_are_fitted_by_several_workers() -> None:
    assert not supports(Settings(workers=4), "xgboost", None, FIT_TOGETHER)
