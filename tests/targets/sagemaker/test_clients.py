"""Who we are at AWS, and what is said when AWS says no."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from housing.errors import CloudError, ConfigError
from housing.rehearsal.settings import InjectedFault
from housing.targets.sagemaker.clients import Clients
from housing.targets.sagemaker.refusals import translated
from housing.targets.sagemaker.settings import Settings
from housing.targets.sagemaker.staging import Stage, split
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No account, wherever a client may look for one."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SAGEMAKER_ROLE_ARN", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def test_the_region_comes_from_the_settings_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Clients(Settings(region="eu-west-1")).region == "eu-west-1"
    with pytest.raises(ConfigError, match=r"region: null, and neither AWS_REGION nor AWS_PROFILE names one"):
        _ = Clients(Settings()).region
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert Clients(Settings()).region == "eu-central-1"
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(CloudError, match="nobody"):
        _ = Clients(Settings(region=None)).session


def test_the_role_comes_from_the_settings_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"role_arn: null, and SAGEMAKER_ROLE_ARN is not set"):
        _ = Clients(Settings()).role_arn
    monkeypatch.setenv("SAGEMAKER_ROLE_ARN", "arn:aws:iam::123456789012:role/env")
    assert Clients(Settings()).role_arn == "arn:aws:iam::123456789012:role/env"
    assert Clients(Settings(role_arn="arn:aws:iam::123456789012:role/own")).role_arn.endswith("own")


@pytest.mark.parametrize("key", ["aws:cost", "housing:run", "Housing:endpoint"])
def test_tags_of_others_are_not_to_be_set(key: str) -> None:
    with pytest.raises(ValueError, match=f"tags: a key must not begin with .*{key}"):
        Settings(tags={key: "x"})


def test_without_credentials_the_ways_to_get_some_are_told() -> None:
    clients = Clients(Settings(region="us-east-1"))
    with pytest.raises(CloudError, match=r"no AWS credentials; sign in .* target=rehearsal"):
        _ = clients.account


def test_a_rehearsal_asks_for_no_profile(rehearsal: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "expired")
    assert Clients(settings_of(rehearsal)).account == "123456789012"


def test_what_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigError, match=r"pip install 'housing\[sagemaker\]'"):
        Clients(Settings())


def test_the_default_bucket_is_made_and_found_again(rehearsal: Served) -> None:
    clients = Clients(settings_of(rehearsal))
    assert clients.bucket == "sagemaker-us-east-1-123456789012"
    assert Clients(settings_of(rehearsal)).bucket == clients.bucket
    assert clients.path("channels", "x.csv") == f"s3://{clients.bucket}/housing/channels/x.csv"
    names = [bucket["Name"] for bucket in rehearsal.client("s3").list_buckets()["Buckets"]]
    assert names.count(clients.bucket) == 1


def test_a_bucket_that_is_named_must_be_there(rehearsal: Served) -> None:
    with pytest.raises(CloudError, match=r"bucket nowhere: does not exist; make it"):
        _ = Clients(settings_of(rehearsal, bucket="nowhere")).bucket


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("throttling", r"sagemaker:ListTrainingJobs was refused, ThrottlingException: .* 8 times in a row"),
        ("server_error", r"sagemaker:ListTrainingJobs was refused, .* AWS itself has failed"),
    ],
)
def test_what_stays_wrong_is_told_with_a_way_out(rehearsal: Served, rehearse: Any, kind: Any, told: str) -> None:
    rehearse(faults=(InjectedFault("sagemaker:ListTrainingJobs", kind, times=100),))
    with pytest.raises(CloudError, match=told), translated("sagemaker"):
        Clients(settings_of(rehearsal))("sagemaker").list_training_jobs()


@pytest.mark.usefixtures("impatient")
def test_an_address_that_nobody_answers_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(CloudError, match=rf"sts: no answer: .*{url}.*check the network, region and endpoint_url"):
        _ = Clients(Settings(region="us-east-1", endpoint_url=url)).account


def test_a_refusal_names_the_action(rehearsal: Served, rehearse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    user = rehearsal.client("iam").create_user(UserName="nobody")["User"]["UserName"]
    key = rehearsal.client("iam").create_access_key(UserName=user)["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    rehearse(enforce_iam=True)
    with pytest.raises(CloudError, match=r"sagemaker:ListTrainingJobs"), translated("sagemaker"):
        Clients(settings_of(rehearsal))("sagemaker").list_training_jobs()


def test_a_bucket_of_somebody_else_gets_and_gives_nothing(rehearsal: Served, tmp_path: Path) -> None:
    """Every call says whose the bucket must be: in an account that is not the rehearsal's, all of them are refused."""
    ours = Stage(Clients(settings_of(rehearsal)), settings_of(rehearsal))
    uri = ours.put_bytes(b"1", "owned", "k")
    bucket, key = split(uri)
    settings = settings_of(rehearsal, role_arn="arn:aws:iam::210987654321:role/housing", bucket=bucket)
    clients = Clients(settings)
    theirs, s3 = Stage(clients, settings), clients("s3")
    large = tmp_path / "large"
    large.write_bytes(bytes(9 << 20))  # sent in parts

    for call in (
        lambda: clients.bucket,
        lambda: theirs.has(uri),
        lambda: theirs.read(uri),
        lambda: theirs.write(b"2", uri),
        lambda: theirs.write(large.read_bytes(), uri),
        lambda: theirs.copy(uri, f"{uri}-copy"),
        lambda: theirs.names(uri.rpartition("/")[0]),
    ):
        with pytest.raises(CloudError, match=r"belongs to another account"):
            call()
    for name, request in (
        ("put_object", {"Key": key, "Body": b"2"}),
        ("get_object", {"Key": key}),
        ("delete_object", {"Key": key}),
        ("list_objects_v2", {}),
        ("copy_object", {"Key": key, "CopySource": {"Bucket": bucket, "Key": key}}),
        ("upload_part_copy", {"Key": key, "CopySource": f"{bucket}/{key}", "PartNumber": 1, "UploadId": "x"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(s3, name)(Bucket=bucket, **request)
    assert ours.read(uri) == b"1"
    assert ours.names(uri.rpartition("/")[0]) == ["k"]
