"""What a job of the rehearsal finds in its environment: nothing of who started the rehearsal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from housing.rehearsal.process import credentials_of, ensure, stop
from housing.rehearsal.settings import Settings
from tests.rehearsal.conftest import ROLE, connected
from tests.rehearsal.jobs import SKLEARN

_SECRETS = {
    "AWS_ACCESS_KEY_ID": "AKIAOWNER",
    "AWS_SECRET_ACCESS_KEY": "of-the-owner",
    "AWS_SESSION_TOKEN": "of-the-owner",
    "AWS_PROFILE": "of-the-owner",
    "MLFLOW_TRACKING_PASSWORD": "of-the-owner",
    "GITHUB_TOKEN": "of-the-owner",
}
_PROGRAM = """
import json, os
server = os.getppid()
while b"housing.rehearsal.server" not in open(f"/proc/{server}/cmdline", "rb").read():
    server = int(open(f"/proc/{server}/stat").read().rpartition(")")[2].split()[1])
names = open(f"/proc/{server}/environ", "rb").read().split(b"\\0")
print("FOUND", json.dumps({"job": dict(os.environ), "server": [name.decode() for name in names]}))
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name, value in _SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = Settings(folder=str(tmp_path / "rehearsal"))
    yield settings
    stop(settings.folder)


def test_a_job_has_no_keys_of_the_owner(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    address = ensure(settings)
    monkeypatch.delenv("AWS_PROFILE")
    keys = credentials_of(settings.folder)
    sagemaker, logs, s3 = (
        connected(address.url, service, keys.access_key, keys.secret_key) for service in ("sagemaker", "logs", "s3")
    )
    s3.create_bucket(Bucket="out")
    sagemaker.create_training_job(
        TrainingJobName="looks",
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": SKLEARN,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", "import os; exec(os.environ['PROGRAM'])"],
        },
        Environment={"PROGRAM": _PROGRAM, "DECLARED": "yes"},
        OutputDataConfig={"S3OutputPath": "s3://out/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName="looks", WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    events = logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    (found,) = [event["message"] for event in events if event["message"].startswith("FOUND ")]
    told = json.loads(found.removeprefix("FOUND "))
    assert told["job"]["DECLARED"] == "yes"
    assert "PATH" in told["job"]
    assert not _SECRETS.keys() & told["job"].keys()
    assert "of-the-owner" not in found
    assert "AKIAOWNER" not in found
    assert any(line.startswith("PATH=") for line in told["server"])
