from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from housing.data.rows import csv_pieces
from housing.deployment.spec import Asynchronous, Autoscaling, Deployment, Interface, Serverless, Variant
from housing.errors import ConfigError, DataError
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.targets.sagemaker.settings import Settings, Vpc
from housing.targets.sagemaker.staging import split
from housing.testing.host import AB_TEST, GOOD, ROWS, HostContract, ShiftingContract, deploy
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of


class TestSageMakerHost(HostContract):
    pass


@pytest.mark.slow
class TestSageMakerShifts(ShiftingContract):
    pass


@pytest.mark.parametrize("interface", ["raw", "encoded"])
def test_a_file_in_s3_is_answered_by_a_job_of_its_own(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path], interface: Interface
) -> None:
    deploy(host, Deployment("house", {"champion": Variant(GOOD)}, interface=interface), models)
    s3 = rehearsal.client("s3")
    s3.create_bucket(Bucket=f"rows-{interface}")
    rows = "Area,Alley,Zone\n" + "900,NA,RL\n2000,Pave,RM\n" * 3
    s3.put_object(Bucket=f"rows-{interface}", Key="in/rows.csv", Body=rows.encode())
    batch = host.predict_file(
        "house",
        f"s3://rows-{interface}/in/rows.csv",
        lambda file: csv_pieces(str(file), rows_a_piece=4),
    )
    assert (batch.rows, batch.variant) == (6, "champion")
    bucket, key = split(batch.location)
    label, *values = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().split()
    assert label == "Price"
    assert [float(value) for value in values] == pytest.approx(list(host.predict("house", rows).values))


def test_a_file_that_is_not_there_or_not_in_s3_is_refused(host: SageMakerHost, models: Mapping[str, Path]) -> None:
    deploy(host, AB_TEST, models)
    with pytest.raises(DataError, match="there is no such file"):
        host.predict_file("house", "s3://nowhere/rows.csv", lambda _: [])
    with pytest.raises(ConfigError, match="must be a file in S3"):
        host.predict_file("house", "rows.csv", lambda _: [])


def test_an_asynchronous_endpoint_answers_through_files(host: SageMakerHost, models: Mapping[str, Path]) -> None:
    queued = Deployment("house", {"champion": Variant(GOOD)}, interface="encoded", asynchronous=Asynchronous(2))
    deploy(host, queued, models)
    assert host.current("house") == queued
    assert host.predict("house", ROWS).values == pytest.approx([90_000, 200_000], rel=0.1)


def test_looking_makes_nothing(rehearsal: Served) -> None:
    host = SageMakerHost(settings_of(rehearsal, bucket="not-there-yet"))
    assert list(host.endpoints()) == []
    assert host.current("house") is None
    names = [bucket["Name"] for bucket in rehearsal.client("s3").list_buckets()["Buckets"]]
    assert "not-there-yet" not in names


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        (Variant(GOOD, serverless=Serverless()), "in a VPC"),
        (Variant(GOOD, autoscaling=Autoscaling(2, 600, scale_in_cooldown_s=0.5)), "whole seconds"),
    ],
)
def test_what_sagemaker_would_refuse_halfway_is_refused_before_anything_changes(variant: Variant, reason: str) -> None:
    host = SageMakerHost(Settings(vpc=Vpc(("subnet-1",), ("sg-1",))))
    with pytest.raises(ConfigError, match=reason):
        host.check(Deployment("house", {"champion": variant}))
