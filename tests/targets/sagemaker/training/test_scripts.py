"""Training scripts of the user's on SageMaker, against a rehearsal over HTTP."""

from __future__ import annotations

from housing.testing.script_runner import ScriptRunnerContract


class TestScripts(ScriptRunnerContract):
    pass
