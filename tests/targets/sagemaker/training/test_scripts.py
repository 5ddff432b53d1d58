"""Training scripts of the user's on SageMaker, against a rehearsal over HTTP."""

from __future__ import annotations

from tests.contracts.script_runner import ScriptRunnerContract


class TestScripts(ScriptRunnerContract):
    pass
