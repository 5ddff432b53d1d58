"""Whoever reaches the port without the secret does nothing: 40 calls, as another user where we may become one."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.rehearsal.conftest import ROLE, Served, signed_headers
from tests.rehearsal.jobs import SKLEARN
from tests.strangers import NOBODY, Attempt, answers


@pytest.mark.parametrize("uid", [None, NOBODY])
def test_none_of_forty_calls_does_anything(rehearsal: Served, tmp_path: Path, uid: int | None) -> None:
    if uid is not None and os.geteuid() != 0:
        pytest.skip("only root may become another user")
    bucket = f"owned-by-{uid or 'us'}"
    rehearsal.client("s3").create_bucket(Bucket=bucket)
    rehearsal.client("s3").put_object(Bucket=bucket, Key="k", Body=b"the owner's")
    rehearsal.client("logs").describe_log_groups()
    mark = tmp_path / "ran"
    before, last_call = _seen(rehearsal), rehearsal.open.last_call
    attempts = _attempts(rehearsal.url, bucket, mark)
    assert len(attempts) == 40

    told = answers(rehearsal.open.port, attempts, uid=uid)

    did = [(attempt, answer) for attempt, answer in zip(attempts, told, strict=True) if answer[0] not in (400, 403)]
    assert did == []
    assert not any("the owner's" in text for _, text in told)
    assert rehearsal.open.last_call == last_call
    assert _seen(rehearsal) == before
    assert not mark.exists()


def _seen(rehearsal: Served) -> list[Any]:
    store = rehearsal.context.store
    kinds = ("training-job", "hyper-parameter-tuning-job", "transform-job", "model", "endpoint-config", "endpoint")
    s3, iam = rehearsal.context.client("s3"), rehearsal.context.client("iam")
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    objects = [s3.list_objects_v2(Bucket=name).get("KeyCount") for name in buckets]
    return [
        [store.statuses(kind) for kind in kinds],
        buckets,
        objects,
        iam.list_users()["Users"],
        iam.list_roles()["Roles"],
    ]


def _attempts(url: str, bucket: str, mark: Path) -> list[Attempt]:
    job = json.dumps(
        {
            "TrainingJobName": "stranger",
            "RoleArn": ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": SKLEARN,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["/bin/sh", "-c", f"touch {mark}"],
            },
            "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/out"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
    )
    create = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "SageMaker.CreateTrainingJob"}
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/us-east-1"

    def forged(
        service: str, key: str = "rehearsal", value: str = "0" * 64, signed: str = "host;x-amz-date"
    ) -> dict[str, str]:
        credential = f"Credential={key}/{scope}/{service}/aws4_request"
        text = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={signed}, Signature={value}"
        return {"Authorization": text, "X-Amz-Date": now}

    guessed = signed_headers(
        "POST", f"{url}/", service="sagemaker", body=job.encode(), secret="guessed", X_Amz_Target=create["X-Amz-Target"]
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    foreign = ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": ""})
    query = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=rehearsal/{scope}/s3/aws4_request&X-Amz-Date={now}"
    query += "&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature="
    older = f"AWSAccessKeyId=rehearsal&Expires={int(time.time()) + 600}&Signature="
    return [
        Attempt("POST", "/", create, job),
        Attempt("POST", "/", create | guessed, job),
        Attempt("POST", "/", create | {"Authorization": "AWS rehearsal:AAAA", "X-Amz-Date": now}, job),
        Attempt("POST", "/", create | {"Authorization": "Basic cmVoZWFyc2FsOnJlaGVhcnNhbA=="}, job),
        Attempt("POST", "/", create | {"Authorization": "Bearer x"}, job),
        Attempt(
            "POST",
            "/",
            create | {"Authorization": f"AWS4-HMAC-SHA256 Credential=rehearsal/{scope}/s3/aws4_request"},
            job,
        ),
        Attempt("POST", f"/?{query}{'0' * 64}", create, job),
        *(Attempt("POST", "/", create | guessed | header, job) for header in foreign),
        *(
            Attempt("POST", "/", create | forged("sagemaker", key, value, signed), job)
            for key, value, signed in (
                ("rehearsal", "0" * 64, "host;x-amz-date"),
                ("rehearsal", "x", "host"),
                ("rehearsal", "0" * 64, "x-amz-date"),
                ("AKIAIOSFODNN7EXAMPLE", "0" * 64, "host"),
                ("ASIAIOSFODNN7EXAMPLE", "0" * 64, "host"),
                ("rehearsal", "ü", "host"),
            )
        ),
        Attempt("POST", "/", create | forged("sagemaker", "ASIA") | {"X-Amz-Security-Token": "a.b"}, job),
        Attempt("POST", "/", create | forged("sagemaker") | {"X-Amz-Date": "20200101T000000Z"}, job),
        Attempt(
            "POST", "/", forged("sagemaker") | {"X-Amz-Target": "SageMaker.DeleteEndpoint"}, '{"EndpointName": "e"}'
        ),
        Attempt("POST", "/", forged("sagemaker") | {"X-Amz-Target": "SageMaker.ListTrainingJobs"}, "{}"),
        Attempt("POST", "/endpoints/e/invocations", forged("sagemaker") | {"Content-Type": "text/csv"}, "1,2"),
        Attempt("POST", "/endpoints/e/invocations", {"Content-Type": "text/csv"}, "1,2"),
        Attempt("GET", f"/{bucket}/k"),
        Attempt("GET", f"/{bucket}/k", forged("s3") | {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
        Attempt("GET", f"/{bucket}/k?{query}{'0' * 64}"),
        Attempt("GET", f"/{bucket}/k?{older}AAAA"),
        Attempt("PUT", f"/{bucket}/new", forged("s3") | {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, "x"),
        Attempt("PUT", f"/{bucket}/new?{query}{'0' * 64}", {}, "x"),
        Attempt("PUT", "/strangers-bucket", forged("s3")),
        Attempt("DELETE", f"/{bucket}/k", forged("s3")),
        Attempt("POST", "/", form | forged("iam"), "Action=CreateUser&UserName=stranger&Version=2010-05-08"),
        Attempt("POST", "/", form, "Action=CreateUser&UserName=stranger&Version=2010-05-08"),
        Attempt("POST", "/", form | forged("sts"), "Action=GetSessionToken&Version=2011-06-15"),
        Attempt("POST", "/", form, f"Action=AssumeRoleWithWebIdentity&RoleArn={ROLE}&RoleSessionName=session"),
        Attempt("POST", "/", forged("logs") | {"X-Amz-Target": "Logs_20140328.DescribeLogGroups"}, "{}"),
        Attempt("GET", "/"),
        Attempt("OPTIONS", "/", {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}),
        Attempt("GET", "/-/rehearsal/state"),
        Attempt("POST", "/-/rehearsal/stop", {"X-Rehearsal-Token": "0" * 64}),
    ]
