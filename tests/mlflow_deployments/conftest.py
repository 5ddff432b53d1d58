from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from housing.testing.models import price_bundle
from housing.tracking.registry import Registry
from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from tests.workflow.conftest import in_process


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with two registered models, the champion and a challenger; it is the working folder."""
    folder = tmp_path_factory.mktemp("deployments")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in [name for name in os.environ if name.startswith(("MLFLOW_", "AWS_ENDPOINT"))]:
            patch.delenv(name)
        runs = Runs.open("sqlite:///mlflow.db", "housing")
        registry = Registry(runs.client)
        for alias, rounds in (("champion", 20), ("challenger", 10)):
            run_id = runs.start(RunRecord(f"final of {rounds}", kind="final"))
            version, _ = registry.register("housing", run_id, price_bundle(rounds=rounds))
            registry.set_alias("housing", alias, version.number)
            runs.finish(run_id)
        yield folder
        for state in folder.glob(".housing/endpoints/*.json"):
            in_process("destroy", f"deployment.endpoint={state.stem}", folder=folder)
