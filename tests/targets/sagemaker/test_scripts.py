"""Training scripts of the user's on SageMaker, against a rehearsal over HTTP."""

from __future__ import annotations

from tests.contracts.script_runner import ScriptRunnerContract
from tests.targets.sagemaker.training import rehearse, runner, served

__all__ = ["rehearse", "runner", "served"]


class TestScripts(ScriptRunnerContract):
    pass
