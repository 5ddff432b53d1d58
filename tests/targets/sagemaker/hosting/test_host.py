from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from housing.data.rows import csv_pieces
from housing.deployment.spec import Asynchronous, Autoscaling, Deployment, Interface, Serverless, Variant
from housing.errors import CloudError, ConfigError, DataError
from housing.targets.base import Batch
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


def test_a_file_here_is_answered_in_order_and_a_killed_call_is_taken_up(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path], tmp_path: Path
) -> None:
    deploy(host, Deployment("house", {"champion": Variant(GOOD)}, interface="raw"), models)
    rows, output = tmp_path / "rows.csv", tmp_path / "answers.csv"
    rows.write_text("Area,Alley,Zone\n" + "".join(f"{900 + number},NA,RL\n" for number in range(40)))
    heard: list[str] = []

    def asked(until: str | None = None, pieces: int = 14) -> Batch:
        def told(text: str) -> None:
            heard.append(text)
            if until is not None and until in text:
                raise KeyboardInterrupt

        def cut(file: Path) -> Iterator[str]:
            for number, piece in enumerate(csv_pieces(str(file), rows_a_piece=3)):
                if number == pieces:
                    raise KeyboardInterrupt
                yield piece

        return host.predict_file("house", str(rows), cut, depends_on="3", output=output, told=told)

    with pytest.raises(KeyboardInterrupt):  # some parts are uploaded
        asked(pieces=5)
    with pytest.raises(KeyboardInterrupt):  # all are, and the job is begun
        asked("answers them")
    assert not output.exists()
    jobs = rehearsal.client("sagemaker").list_transform_jobs()["TransformJobSummaries"]
    batch = asked()
    assert batch.job in {job["TransformJobName"] for job in jobs}
    assert heard[-2:] == ["its rows are uploaded already", f"takes up transform job {batch.job} of an earlier command"]
    label, *values = output.read_text().split()
    assert (label, batch.rows, len(values)) == ("Price", 40, 40)
    assert [float(value) for value in values] == pytest.approx(list(host.predict("house", rows.read_text()).values))
    bucket, key = split(batch.location)
    assert rehearsal.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == output.read_bytes()
    # Finished, it is not begun again; another file is.
    output.unlink()
    assert asked() == batch and output.read_text().split() == [label, *values]
    rows.write_text("Area,Alley,Zone\n900,NA,RL\n")
    assert asked().job != batch.job


@pytest.mark.slow
def test_a_job_that_has_failed_is_begun_again_under_another_name(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path], tmp_path: Path
) -> None:
    deploy(host, Deployment("house", {"champion": Variant(GOOD)}), models)
    rows = tmp_path / "rows.csv"
    rows.write_text("Area,Alley,Zone\n900,NA,RL\n2000,Pave,RM\n")

    def stop(text: str) -> None:
        if "answers them" in text:
            name = text.split()[2]
            rehearsal.client("sagemaker").stop_transform_job(TransformJobName=name)

    def asked(told: Callable[[str], None]) -> Batch:
        pieces = csv_pieces(str(rows), rows_a_piece=1)
        return host.predict_file("house", str(rows), lambda _: pieces, depends_on="1", output=None, told=told)

    with pytest.raises(CloudError, match="-1 has stopped"):
        asked(stop)
    assert asked(lambda _: None).job.endswith("-2")


@pytest.mark.parametrize("source", ["s3://nowhere/rows.csv", "nowhere.csv"])
def test_a_file_that_is_not_there_is_refused(host: SageMakerHost, models: Mapping[str, Path], source: str) -> None:
    deploy(host, AB_TEST, models)
    with pytest.raises(DataError, match="no such file"):
        host.predict_file("house", source, lambda _: [])


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
