from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from housing.rehearsal.api.faults import Faults
from housing.rehearsal.settings import InjectedFault, Settings
from tests.rehearsal.conftest import Served, connected

Use = Callable[..., None]


def _codes(call: Callable[[], Any], times: int) -> list[str]:
    """What each of several calls came to: `ok`, or the error's code."""
    codes = []
    for _ in range(times):
        try:
            call()
            codes.append("ok")
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            codes.append(f"{error.response['Error']['Code']} {status}")
    return codes


def test_the_calls_that_are_named_go_wrong_and_no_others(rehearsal: Served, settings: Use) -> None:
    client = rehearsal.client("sagemaker")
    settings(
        faults=(
            InjectedFault("sagemaker:Search", "throttling", first=2, times=2),
            InjectedFault("sagemaker:Search", "server_error", first=5),
        )
    )

    assert _codes(lambda: client.search(Resource="Endpoint"), 6) == [
        "ok",
        "ThrottlingException 400",
        "ThrottlingException 400",
        "ok",
        "ServiceUnavailable 503",
        "ok",
    ]


def test_a_pattern_counts_each_operation_by_itself(rehearsal: Served, settings: Use) -> None:
    s3 = rehearsal.client("s3")
    settings(faults=(InjectedFault("s3:*", "server_error"),))

    assert _codes(s3.list_buckets, 2) == ["ServiceUnavailable 503", "ok"]
    assert _codes(lambda: s3.create_bucket(Bucket="counted"), 2) == ["ServiceUnavailable 503", "ok"]
    assert _codes(lambda: s3.put_object(Bucket="counted", Key="k", Body=b"1"), 2) == ["ServiceUnavailable 503", "ok"]


@pytest.mark.parametrize(
    ("service", "operation", "call", "code"),
    [
        ("s3", "s3:ListBuckets", "list_buckets", "SlowDown 503"),
        ("logs", "logs:DescribeLogGroups", "describe_log_groups", "ThrottlingException 400"),
        ("cloudwatch", "cloudwatch:ListMetrics", "list_metrics", "ThrottlingException 400"),
        ("iam", "iam:ListRoles", "list_roles", "Throttling 400"),
    ],
)
def test_every_service_words_throttling_its_own_way(
    rehearsal: Served, settings: Use, service: str, operation: str, call: str, code: str
) -> None:
    settings(faults=(InjectedFault(operation, "throttling"),))

    assert _codes(getattr(rehearsal.client(service), call), 2) == [code, "ok"]


def test_a_lost_answer_is_of_work_that_is_done(rehearsal: Served, settings: Use) -> None:
    s3 = rehearsal.client("s3")
    settings(faults=(InjectedFault("s3:CreateBucket", "lost"),))

    with pytest.raises(ConnectionClosedError):
        s3.create_bucket(Bucket="lost")
    assert "lost" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_a_slow_call_is_answered_late(rehearsal: Served, settings: Use) -> None:
    settings(faults=(InjectedFault("sagemaker:Search", "slow", seconds=0.2),))
    begun = time.monotonic()

    rehearsal.client("sagemaker").search(Resource="Endpoint")

    assert time.monotonic() - begun >= 0.2


def test_sdks_that_retry_get_through(rehearsal: Served, settings: Use) -> None:
    settings(
        faults=(InjectedFault("sagemaker:Search", "throttling"), InjectedFault("sagemaker:Search", "lost", first=2))
    )
    client = connected(rehearsal.url, "sagemaker", attempts=3)

    assert client.search(Resource="Endpoint")["ResponseMetadata"]["RetryAttempts"] == 2


def test_capacity_and_failing_jobs_are_asked_for_and_counted(rehearsal: Served, settings: Use) -> None:
    settings(fail_jobs=2, faults=(InjectedFault("sagemaker:CreateEndpoint", "capacity", first=2),))

    assert [rehearsal.context.faults.lacks_capacity("sagemaker:CreateEndpoint") for _ in range(3)] == [
        False,
        True,
        False,
    ]
    assert [rehearsal.context.faults.fails_job() for _ in range(3)] == [True, True, False]


def test_a_fault_that_can_never_happen_is_refused(rehearsal: Served) -> None:
    with pytest.raises(ValueError, match="did you mean sagemaker:CreateTrainingJob"):
        rehearsal.use(faults=(InjectedFault("sagemaker:CreateTraningJob", "lost"),))
    with pytest.raises(ValueError, match="must be \\* or <service>:<operation>"):
        InjectedFault("CreateTrainingJob", "lost")
    rehearsal.use(
        faults=(InjectedFault("sagemaker:InvokeEndpoint", "slow"), InjectedFault("cloudwatch:PutMetric*", "slow"))
    )
    rehearsal.use()


def test_counting_goes_on_after_a_restart_and_anew_with_other_faults(tmp_path: Path) -> None:
    faulty = Settings(faults=(InjectedFault("s3:PutObject", "server_error", first=2),))
    file = tmp_path / "faults.json"

    assert Faults(file, faulty).of("s3:PutObject") == []
    again = Faults(file, faulty)
    assert [len(again.of("s3:PutObject")) for _ in range(2)] == [1, 0]
    again.use(replace(faulty, fail_jobs=1))
    assert [len(again.of("s3:PutObject")) for _ in range(2)] == [0, 1]
