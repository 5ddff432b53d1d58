"""Clients that were written without housing, in processes of their own, against a rehearsal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from housing.rehearsal import process
from housing.rehearsal.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Of a shell that has run `eval "$(python -m housing.rehearsal start)"`."""
    folder = tmp_path_factory.mktemp("plain")
    settings = Settings(folder=str(folder / "rehearsal"))
    exports = process.environment_of(process.ensure(settings), settings.folder)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    clean |= {"PYTHONPATH": str(Path(__file__).parents[2]), "AWS_EC2_METADATA_DISABLED": "true"}
    silent = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}
    (folder / "sdk.yaml").write_text(json.dumps(silent))
    yield clean | exports | {"HOME": str(folder), "SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "sdk.yaml")}
    process.stop(settings.folder)


def _told(program: str, environment: dict[str, str]) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(program))],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    told: dict[str, Any] = json.loads(ended.stdout.strip().splitlines()[-1])
    return told


def test_the_sdk_trains_and_tunes(environment: dict[str, str]) -> None:
    told = _told("plain_sdk.py", environment)

    assert told.pop("best").startswith("sdk-")
    assert told == {"trained": "Completed", "scripted": "Completed", "tuned": "Completed"}
