"""The fixtures that come with the package, as a project of someone else uses them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_THEIRS = """
import subprocess, sys
import boto3, pytest
from botocore.exceptions import ClientError


def test_clients_reach_it_untold(rehearsal):
    boto3.client("s3").create_bucket(Bucket="one")
    assert boto3.client("sagemaker").list_endpoints()["Endpoints"] == []
    child = "import boto3; print(boto3.client('s3').list_buckets()['Buckets'][0]['Name'])"
    done = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "one"

def test_it_is_empty_again(rehearsal):
    assert rehearsal.client("s3").list_buckets()["Buckets"] == []
    assert rehearsal.role_arn.endswith(boto3.client("iam").list_roles()["Roles"][0]["RoleName"])

@pytest.mark.rehearsal(faults=[{"operation": "s3:ListBuckets", "kind": "throttling", "times": 99}])
def test_a_marker_sets_how_it_behaves(rehearsal):
    with pytest.raises(ClientError, match="SlowDown|Rate exceeded"):
        boto3.client("s3").list_buckets()

def test_the_marker_was_of_one_test(rehearsal):
    assert boto3.client("s3").list_buckets()["Buckets"] == []

@pytest.mark.rehearsal(speed=-1)
def test_a_marker_that_makes_no_sense(rehearsal):
    raise AssertionError("it is not reached")

@pytest.mark.rehearsal(port=1)
def test_a_marker_of_what_is_fixed(rehearsal):
    raise AssertionError("it is not reached")
"""


@pytest.mark.slow
def test_each_test_has_an_empty_account_and_its_own_settings(tmp_path: Path) -> None:
    page = (_ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "test_shown.py").write_text(shown, encoding="utf-8")
    (tmp_path / "test_theirs.py").write_text(_THEIRS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--strict-markers", "-p", "no:xdist"],
        cwd=tmp_path,
        env=environment | {"AWS_PROFILE": "misleading", "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    outcomes = dict(re.findall(r"::(\w+) (PASSED|FAILED|ERROR)", done.stdout))
    assert outcomes == {
        "test_a_bucket": "PASSED",
        "test_that_a_throttled_call_is_made_again": "PASSED",
        "test_clients_reach_it_untold": "PASSED",
        "test_it_is_empty_again": "PASSED",
        "test_a_marker_sets_how_it_behaves": "PASSED",
        "test_the_marker_was_of_one_test": "PASSED",
        "test_a_marker_that_makes_no_sense": "ERROR",
        "test_a_marker_of_what_is_fixed": "ERROR",
    }, done.stdout + done.stderr
    assert "@pytest.mark.rehearsal: speed must lie in (0, 1000], got -1" in done.stdout
    assert "@pytest.mark.rehearsal: port is chosen once for all tests and cannot be set for one" in done.stdout


def test_a_run_that_asks_for_nothing_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(
        "import sys\n\ndef test_nothing():\n"
        "    assert not {'housing.rehearsal', 'boto3', 'mlflow', 'xgboost'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
