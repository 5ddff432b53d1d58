"""A managed MLflow: a real tracking server behind the rehearsal, reached by AWS's own plug-in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from housing.tracking.run_record import RunRecord
from housing.tracking.runs import Runs
from tests.rehearsal.conftest import ROLE, Served

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(rehearsal: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "rehearsal")
    for name in ("AWS_ENDPOINT_URL", "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT"):
        monkeypatch.setenv(name, rehearsal.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield
    import mlflow

    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


@pytest.mark.usefixtures("environment")
def test_runs_and_their_files_are_kept_in_it_and_outlive_its_process(rehearsal: Served, tmp_path: Path) -> None:
    client, name = rehearsal.client("sagemaker"), "record"
    rehearsal.client("s3").create_bucket(Bucket="artifacts")
    request = {"TrackingServerName": name, "ArtifactStoreUri": "s3://artifacts/mlflow", "RoleArn": ROLE}
    arn = client.create_mlflow_tracking_server(**request)["TrackingServerArn"]
    with pytest.raises(ClientError, match="already exists"):
        client.create_mlflow_tracking_server(**request)
    assert _settled(rehearsal, name) == "Created"
    listed = client.list_mlflow_tracking_servers()["TrackingServerSummaries"]
    assert [(each["TrackingServerName"], each["IsActive"]) for each in listed] == [(name, "Active")]

    run_id = Runs.open(arn, "managed").record(RunRecord("there", yaml="seed: 1\n"))
    keys = [each["Key"] for each in rehearsal.client("s3").list_objects_v2(Bucket="artifacts")["Contents"]]
    assert any(key.endswith(f"{run_id}/artifacts/config.yaml") for key in keys)

    client.stop_mlflow_tracking_server(TrackingServerName=name)
    client.start_mlflow_tracking_server(TrackingServerName=name)
    assert _settled(rehearsal, name) == "Started"
    assert Runs.open(arn, "managed").read_file(run_id, "config.yaml") == b"seed: 1\n"

    client.delete_mlflow_tracking_server(TrackingServerName=name)
    with pytest.raises(client.exceptions.ResourceNotFound, match="does not exist"):
        client.describe_mlflow_tracking_server(TrackingServerName=name)


def _settled(rehearsal: Served, name: str) -> str:
    client, give_up = rehearsal.client("sagemaker"), time.monotonic() + 300
    while (status := client.describe_mlflow_tracking_server(TrackingServerName=name)["TrackingServerStatus"]) in (
        "Creating",
        "Starting",
    ):
        assert time.monotonic() < give_up
        time.sleep(0.1)
    return str(status)
