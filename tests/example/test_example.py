"""What the package itself would test: housing's contracts, on every target that it can train on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from housing.rehearsal.process import stop
from housing.targets.base import Runner
from housing.targets.local import target as local
from housing.targets.ray import target as ray
from housing.targets.rehearsal import target as rehearsal
from housing.targets.rehearsal.settings import Rehearsal
from housing.testing.algorithm import AlgorithmContract
from housing.testing.runner import RunnerContract

POINT: dict[str, Any] = {"penalty": 0.5}


class TestRidge(AlgorithmContract):
    name: ClassVar[str] = "ridge"
    hyperparameters: ClassVar[dict[str, Any]] = POINT


class _OnRunner(RunnerContract):
    algorithm: ClassVar[str] = "ridge"
    point: ClassVar[dict[str, Any]] = POINT
    rounds: ClassVar[int | None] = None
    metrics: ClassVar[tuple[str, ...]] = ("mae", "rmse", "medae", "mape", "rmsle", "r2")
    other_points: ClassVar[list[dict[str, Any]]] = [{"penalty": 5.0}, {"penalty": 50.0}]
    broken_point: ClassVar[dict[str, Any]] = {"penalty": "heavy"}


class TestLocal(_OnRunner):
    @pytest.fixture(scope="class")
    def runner(self) -> Iterator[Runner]:
        runner = local.open_runner(local.Settings())
        yield runner
        runner.close()


class TestRay(_OnRunner):
    @pytest.fixture(scope="class")
    def runner(self) -> Iterator[Runner]:
        runner = ray.open_runner(ray.Settings(cpus=2))
        yield runner
        runner.close()


class TestRehearsal(_OnRunner):
    @pytest.fixture(scope="class")
    def runner(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
        folder = str(tmp_path_factory.mktemp("rehearsed"))
        runner = rehearsal.open_runner(rehearsal.Settings(rehearsal=Rehearsal(folder=folder)))
        yield runner
        runner.close()
        stop(folder)
