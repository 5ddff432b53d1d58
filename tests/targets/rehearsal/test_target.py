from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from housing.data.s3_objects import fetched
from housing.errors import CloudError, DataError
from housing.rehearsal.process import look, stop
from housing.targets.rehearsal.settings import Rehearsal, Settings
from housing.targets.rehearsal.target import open_runner, s3_environment
from housing.testing.runner import HYPERPARAMETERS, channel
from housing.training.job import TrainingJob
from housing.workflow.source_access import sources_reached


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "SAGEMAKER_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "mars-north-1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    folder = str(tmp_path / "rehearsal")
    yield Settings(rehearsal=Rehearsal(folder=folder))
    stop(folder)


def test_a_job_needs_no_account_and_no_network(settings: Settings) -> None:
    runner = open_runner(settings)
    staged = {"train": runner.stage(channel("train", 1))}
    result = runner.submit(TrainingJob("job", "xgboost", HYPERPARAMETERS, staged, seed=0)).result()
    assert result.best_round == 11
    assert result.details["sagemaker.region"] == "us-east-1"
    assert look(settings.rehearsal.folder) is not None
    runner.close()


def test_two_rehearsals_are_two_places(settings: Settings, tmp_path: Path) -> None:
    other = Settings(rehearsal=Rehearsal(folder=str(tmp_path / "other")))
    here, there = open_runner(settings), open_runner(other)
    try:
        job = TrainingJob("job", "xgboost", HYPERPARAMETERS, {}, seed=0, handle=here.handle(), tags={"t": "1"})
        here.submit(TrainingJob(**vars(job) | {"channels": {"train": here.stage(channel("train", 1))}})).result()
        assert [each.handle for each in here.find({"t": "1"})] == [job.handle]  # type: ignore[attr-defined]
        assert there.find({"t": "1"}) == []  # type: ignore[attr-defined]
    finally:
        stop(other.rehearsal.folder)


def test_sources_in_s3_lie_in_the_rehearsal_s_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although nothing in the environment leads there: the same configuration names the same objects on AWS."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    there = s3_environment(settings)
    s3 = boto3.client(
        "s3",
        endpoint_url=there["AWS_ENDPOINT_URL"],
        region_name=there["AWS_DEFAULT_REGION"],
        aws_access_key_id=there["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=there["AWS_SECRET_ACCESS_KEY"],
        config=Config(proxies={}),
    )
    s3.create_bucket(Bucket="tables")
    s3.put_object(Bucket="tables", Key="homes.csv", Body=b"area,price\n50,1000\n60,1200\n")
    with sources_reached(settings):
        assert fetched("s3://tables/homes.csv").read_bytes() == b"area,price\n50,1000\n60,1200\n"
        with pytest.raises(DataError, match="there is no such object"):
            fetched("s3://tables/lots.csv")
    with pytest.raises(CloudError, match="S3 does not answer"):
        fetched("s3://tables/homes.csv")
