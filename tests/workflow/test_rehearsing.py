"""`housing rehearsal`, as a command and for the clients of a shell."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from housing.rehearsal.process import stop

pytestmark = pytest.mark.slow

_LOOK = (
    "import boto3, os; "
    "print(boto3.client('sagemaker').search(Resource='TrainingJob')['Results']); "
    "print(boto3.client('iam').get_role(RoleName='housing')['Role']['Arn'] == os.environ['SAGEMAKER_ROLE_ARN'])"
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop(str(tmp_path / ".housing" / "rehearsal"))


def _housing(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "housing", "rehearsal", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_its_output_sends_the_clients_of_a_shell_there(folder: Path) -> None:
    started = _housing("start", folder=folder)
    assert started.returncode == 0, started.stderr

    script = f'{started.stdout}unset AWS_PROFILE; {sys.executable} -c "{_LOOK}"'
    client = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)

    assert client.stdout == "[]\nTrue\n", client.stderr


def test_it_is_started_looked_at_and_stopped(folder: Path) -> None:
    started = json.loads(_housing("start", "--json", "rehearsal=flaky", folder=folder).stdout)
    seen = json.loads(_housing("status", "--json", folder=folder).stdout)
    stopped = json.loads(_housing("stop", "--json", folder=folder).stdout)
    again = json.loads(_housing("status", "--json", folder=folder).stdout)

    assert started["environment"]["AWS_ENDPOINT_URL"] == seen["url"]
    assert (seen["running"], seen["stays"], seen["jobs"], seen["endpoints"]) == (True, True, {}, {})
    assert stopped["stopped"]
    assert not again["running"]


def test_a_slip_is_answered_with_what_was_meant(folder: Path) -> None:
    slip = _housing("stpo", folder=folder)

    assert slip.returncode == 3
    assert slip.stderr == "housing: stpo: `housing rehearsal` cannot do that; did you mean stop?\n"
