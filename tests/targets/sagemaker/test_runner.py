from __future__ import annotations

from tests.contracts.runner import RunnerContract
from tests.targets.sagemaker.training import runner, served

__all__ = ["runner", "served"]


class TestSageMakerRunner(RunnerContract):
    pass
