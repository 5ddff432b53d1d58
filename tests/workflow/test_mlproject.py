"""`mlflow run`: the same experiment as the direct command, attached to the run that it opened."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from housing.config.load import config_hash, load
from tests.workflow.conftest import in_process
from tests.workflow.shells import shell_path

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `mlflow run` needs of a checkout, without its records."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("MLproject", "python_env.yaml", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("conf", "housing"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    assert in_process("train", folder=folder).code == 0  # makes the record once, for every test
    return folder


@pytest.fixture(scope="module")
def path() -> Iterator[str]:
    """Where a shell finds `mlflow`; the entry points that this runs are started as they are anywhere."""
    with shell_path() as path:
        yield path


def mlflow_run(path: str, folder: Path, *arguments: str) -> str:
    """Run an entry point with the local environment; returns everything it printed."""
    # The library sets a quieter level for its own process, which is this one when tests share it.
    environment = os.environ | {"PATH": path, "MLFLOW_LOGGING_LEVEL": "INFO"}
    command = shlex.join(["mlflow", "run", ".", "--env-manager", "local", *arguments])
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def newest(folder: Path, experiment: str) -> Any:
    from mlflow import MlflowClient

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri, uri)
    identity = client.get_experiment_by_name(experiment).experiment_id
    return client.search_runs([identity], order_by=["attributes.start_time DESC"], max_results=1)[0]


@pytest.mark.parametrize(
    ("parameters", "direct"),
    [
        ((), ()),
        (
            ("-P", "algorithm.eta=0.1", "-P", "overrides=algorithm.max_depth=4 algorithm.num_round=20"),
            ("algorithm.eta=0.1", "algorithm.max_depth=4", "algorithm.num_round=20"),
        ),
    ],
)
def test_train_is_the_direct_command_in_the_run_that_mlflow_opened(
    path: str, checkout: Path, parameters: tuple[str, ...], direct: tuple[str, ...]
) -> None:
    printed = mlflow_run(path, checkout, "-e", "train", "--experiment-name", "housing", *parameters)
    run = newest(checkout, "housing")
    assert run.info.run_id in printed
    assert run.info.status == "FINISHED"
    assert run.data.tags["housing.config_hash"] == config_hash(load(list(direct)))
    assert "validation_mae" in run.data.metrics


@pytest.mark.slow
def test_a_study_takes_mlflow_s_run_as_its_parent_whatever_experiment_it_is_in(path: str, checkout: Path) -> None:
    printed = mlflow_run(path, checkout, "-e", "tune", "-P", "study.trials=2")
    run = newest(checkout, "Default")
    assert run.data.tags["housing.trial"] == "00001"
    assert run.data.tags["mlflow.parentRunId"] in printed
    assert "--experiment-name housing" in printed


def test_a_mistake_in_a_parameter_is_told_as_on_the_command_line(path: str, checkout: Path) -> None:
    with pytest.raises(AssertionError, match=r"did you mean algorithm\.max_depth"):
        mlflow_run(path, checkout, "-e", "train", "-P", "algorithm.maxdepth=3")
