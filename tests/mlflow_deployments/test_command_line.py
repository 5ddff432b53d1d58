"""`mlflow deployments`, as a shell calls it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from housing.mlflow_deployments.client import target_help
from housing.testing.models import EXAMPLE
from tests.workflow.shells import shell_path

Mlflow = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def mlflow(folder: Path) -> Iterator[Mlflow]:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", shlex.join(["mlflow", "deployments", *arguments])]
        environment = os.environ | {"PATH": path}
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    with shell_path() as path:
        yield call


def test_a_registered_model_is_deployed_and_asked(mlflow: Mlflow, folder: Path) -> None:
    target = ("-t", "housing:/local")
    created = mlflow("create", *target, "--name", "price", "-m", "models:/housing@champion")
    assert "python_function deployment price is created" in created.stdout, created.stderr
    (folder / "rows.json").write_text(json.dumps(EXAMPLE))
    asked = mlflow("predict", *target, "--name", "price", "-I", "rows.json")
    first, second = json.loads(asked.stdout)["predictions"]
    assert 80_000 < first < 100_000 < 180_000 < second < 220_000


def test_a_refusal_is_a_message_with_housings_exit_code_and_no_traceback(mlflow: Mlflow) -> None:
    refused = mlflow("create", "-t", "housing:/local", "--name", "p", "-m", "models:/housing/1", "-C", "weight=-1")
    assert refused.returncode == 3
    assert "weight must be 0 or more" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_names_targets_and_settings() -> None:
    told = target_help()
    for text in ("housing:/local", "housing:/sagemaker", "housing:/rehearsal", "config_dir", "weight", "capture"):
        assert text in told
