"""Requests to endpoints: who answers, what is refused, what is recorded."""

from __future__ import annotations

import gzip
import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.conftest import Served
from tests.rehearsal.serving.shop import BUCKET, ROW, SKLEARN, Shop, variant

SCRIPT = b"""
import json
def model_fn(model_dir): return open(model_dir + "/factor").read()
def transform_fn(model, body, content_type, accept):
    if body == "fail": raise ValueError("as asked")
    return json.dumps({"factor": model, "got": body, "as": content_type}), "application/json"
"""


@pytest.fixture(scope="module")
def shop(rehearsal: Served) -> Shop:
    return Shop(rehearsal)


@pytest.fixture(scope="module")
def ab(shop: Shop) -> str:
    return shop.endpoint(variant(shop.model(1.0), "champion", 9), variant(shop.model(2.0), "challenger", 1))


def test_weights_share_the_requests_9_to_1(shop: Shop, ab: str) -> None:
    """Chi-square with one degree of freedom: p > 0.01 below 6.63."""
    counts = Counter(shop.invoke(ab)[1] for _ in range(2_000))
    expected = {"champion": 1_800, "challenger": 200}
    chi_square = sum((counts[name] - share) ** 2 / share for name, share in expected.items())
    assert chi_square < 6.63


def test_the_same_requests_are_shared_in_the_same_way_until_another_seed_is_set(
    shop: Shop, settings: Callable[..., None]
) -> None:
    halves = variant(shop.model(1.0), "one"), variant(shop.model(2.0), "other")

    def shared() -> list[str]:
        endpoint = shop.endpoint(*halves)
        return [shop.invoke(endpoint)[1] for _ in range(30)]

    first = shared()
    assert shared() == first
    settings(seed=1)
    assert shared() != first


def test_a_target_variant_answers_alone(shop: Shop, ab: str) -> None:
    assert {shop.invoke(ab, TargetVariant="challenger") for _ in range(20)} == {(2.0, "challenger")}


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"EndpointName": "none"}, "ValidationError", "Endpoint none of account 123456789012 not found"),
        ({"TargetVariant": "none"}, "ValidationError", "Variant none not found"),
        ({"TargetModel": "m.tar.gz"}, "ValidationError", "TargetModel is not supported"),
        ({"Body": b"0," * 3_200_000}, "ValidationError", "exceeds the limit of 6291456 bytes"),
        ({"Body": b"a,b"}, "ModelError", "Received client error .415. from primary with message"),
        ({"Body": b"1,2,3,4,5"}, "ModelError", "Number of columns does not match"),
        ({"ContentType": "application/json"}, "ModelError", "is not an accepted ContentType"),
        ({"Accept": "image/png"}, "ModelError", "Received client error .406. from primary"),
    ],
)
def test_what_cannot_be_answered_is_refused(shop: Shop, ab: str, change: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(ClientError, match=says) as refused:
        shop.invoke(ab, **change)
    assert refused.value.response["Error"]["Code"] == code


def test_an_error_of_the_model_tells_what_the_model_said(shop: Shop, ab: str) -> None:
    with pytest.raises(ClientError) as refused:
        shop.invoke(ab, Body=b"x,y", TargetVariant="champion")
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert answer["OriginalStatusCode"] == 415
    assert "please ensure data is in csv format" in answer["OriginalMessage"]
    assert f"log-group:/aws/sagemaker/Endpoints/{ab}:log-stream:champion/i-" in answer["LogStreamArn"]


def test_a_script_serves_behind_an_endpoint(shop: Shop) -> None:
    endpoint = shop.endpoint(variant(_script(shop)))
    answer = shop.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1", ContentType="text/csv")
    assert answer["ContentType"] == "application/json"
    assert json.loads(answer["Body"].read()) == {"factor": "three", "got": "1", "as": "text/csv"}
    with pytest.raises(ClientError) as failed:
        shop.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"fail", ContentType="text/csv")
    assert failed.value.response["OriginalStatusCode"] == 500


def test_a_shadow_gets_copies_and_its_answers_are_dropped(shop: Shop) -> None:
    shadow = variant(shop.model(2.0), "shadow")
    endpoint = shop.endpoint(variant(shop.model(1.0), "production"), ShadowProductionVariants=[shadow])
    assert {shop.invoke(endpoint) for _ in range(30)} == {(1.0, "production")}
    about = shop.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert [each["VariantName"] for each in about["ShadowProductionVariants"]] == ["shadow"]
    _eventually(lambda: _metric(shop, endpoint, "shadow", "Invocations", "Sum") == 30)


def test_invocations_are_metered(shop: Shop) -> None:
    endpoint = shop.endpoint(variant(shop.model(1.0), InitialInstanceCount=2))
    for _ in range(8):
        shop.invoke(endpoint)
    with pytest.raises(ClientError):
        shop.invoke(endpoint, Body=b"no numbers")
    _eventually(lambda: _metric(shop, endpoint, "AllTraffic", "Invocations", "Sum") == 9)
    assert _metric(shop, endpoint, "AllTraffic", "InvocationsPerInstance", "Sum") == 4.5
    assert _metric(shop, endpoint, "AllTraffic", "Invocation4XXErrors", "Sum") == 1
    assert _metric(shop, endpoint, "AllTraffic", "Invocation5XXErrors", "Sum") == 0
    latency_us = _metric(shop, endpoint, "AllTraffic", "ModelLatency", "Average")
    assert latency_us is not None
    assert 10 < latency_us < 100_000


def test_what_is_captured_lies_in_s3_as_lines_of_json(shop: Shop) -> None:
    capture = _capture(shop)
    endpoint = shop.endpoint(variant(shop.model(5.0)), DataCaptureConfig=capture)
    about = shop.sagemaker.describe_endpoint(EndpointName=endpoint)["DataCaptureConfig"]
    assert (about["EnableCapture"], about["CaptureStatus"], about["CurrentSamplingPercentage"]) == (
        True,
        "Started",
        100,
    )

    now = datetime.now(UTC)
    shop.invoke(endpoint, InferenceId="the-first", CustomAttributes="trace=1")
    shop.runtime.invoke_endpoint(
        EndpointName=endpoint, Body=b"0 1:5", ContentType="text/libsvm", Accept="application/json"
    )
    prefix = f"{capture['DestinationS3Uri'].removeprefix(f's3://{BUCKET}/')}/{endpoint}/AllTraffic/{now:%Y/%m/%d}/"
    lines: list[Any] = []

    def captured() -> bool:
        found = shop.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        lines[:] = [
            json.loads(line)
            for each in found
            for line in shop.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().splitlines()
        ]
        return len(lines) == 2

    _eventually(captured)
    first = next(line for line in lines if line["eventMetadata"].get("inferenceId") == "the-first")
    assert first["captureData"]["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": ROW.decode(),
        "encoding": "CSV",
    }
    assert first["captureData"]["endpointOutput"]["data"] == "5.0\n"
    assert first["eventMetadata"]["customAttributes"] == ["trace=1"]
    (second,) = (line["captureData"] for line in lines if line is not first)
    assert (second["endpointInput"]["encoding"], second["endpointInput"]["data"]) == ("BASE64", "MCAxOjU=")
    assert second["endpointOutput"]["encoding"] == "JSON"
    assert json.loads(second["endpointOutput"]["data"]) == {"predictions": [{"score": 5.0}]}
    assert first["eventVersion"] == "0"


def test_capture_takes_no_more_than_its_share(shop: Shop) -> None:
    capture = _capture(shop) | {"InitialSamplingPercentage": 20}
    endpoint = shop.endpoint(variant(shop.model()), DataCaptureConfig=capture)
    for _ in range(200):
        shop.invoke(endpoint)
    shop.served.client("sagemaker").delete_endpoint(EndpointName=endpoint)
    prefix = f"{capture['DestinationS3Uri'].removeprefix(f's3://{BUCKET}/')}/{endpoint}/"

    def count() -> int:
        found = shop.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return sum(len(_read(shop, each["Key"]).splitlines()) for each in found)

    _eventually(lambda: count() > 0)
    time.sleep(0.6)
    assert 10 < count() < 80


def test_an_asynchronous_endpoint_answers_in_s3(shop: Shop) -> None:
    output = {"S3OutputPath": f"s3://{BUCKET}/answers", "S3FailurePath": f"s3://{BUCKET}/failures"}
    endpoint = shop.endpoint(variant(shop.model(8.0)), AsyncInferenceConfig={"OutputConfig": output})
    answers = [
        shop.runtime.invoke_endpoint_async(
            EndpointName=endpoint, InputLocation=shop.put(content, name), ContentType="text/csv"
        )
        for content, name in ((ROW, "good.csv"), (b"x,y", "bad.csv"))
    ]
    assert all(answer["ResponseMetadata"]["HTTPStatusCode"] == 202 for answer in answers)
    good, bad = answers
    key = good["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
    _eventually(lambda: _exists(shop, key))
    assert _read(shop, key) == b"8.0\n"
    failure = bad["FailureLocation"].removeprefix(f"s3://{BUCKET}/")
    _eventually(lambda: _exists(shop, failure))
    assert b"Received client error (415)" in _read(shop, failure)
    with pytest.raises(ClientError, match="is asynchronous"):
        shop.invoke(endpoint)


def test_a_serverless_endpoint_starts_cold_and_throttles(shop: Shop, settings: Callable[..., None]) -> None:
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 1}
    wanted = {"VariantName": "AllTraffic", "ModelName": shop.model(4.0), "ServerlessConfig": serverless}
    endpoint = shop.endpoint(wanted)
    about = shop.sagemaker.describe_endpoint(EndpointName=endpoint)["ProductionVariants"][0]
    assert about["CurrentServerlessConfig"] == serverless
    assert "CurrentInstanceCount" not in about

    settings(start_s=1.2)
    with shop.calling_once(endpoint) as cold:
        time.sleep(0.4)
        with pytest.raises(ClientError, match="ThrottlingException"):
            shop.invoke(endpoint)
    assert cold.seconds >= 1.2
    began = time.monotonic()
    shop.invoke(endpoint)
    assert time.monotonic() - began < 1.2


def test_a_transform_job_answers_files(shop: Shop) -> None:
    folder = shop.name("batch")
    shop.put(b"\n".join([ROW] * 5) + b"\n", f"{folder}/in/first.csv")
    shop.put(ROW, f"{folder}/in/more/second.csv")
    job = _transform(shop, shop.model(2.5), f"{folder}/in/", f"{folder}/out")
    about = _ended(shop, job)
    assert about["TransformJobStatus"] == "Completed"
    assert about["TransformEndTime"] >= about["TransformStartTime"]
    assert _read(shop, f"{folder}/out/first.csv.out") == b"2.5\n" * 5
    assert _read(shop, f"{folder}/out/more/second.csv.out") == b"2.5\n"
    assert job in [each["TransformJobName"] for each in shop.sagemaker.list_transform_jobs()["TransformJobSummaries"]]


def test_a_transform_job_sends_records_one_by_one_when_asked(shop: Shop) -> None:
    folder = shop.name("batch")
    content = gzip.compress(b"1\n2\n3\n")
    shop.put(content, f"{folder}/in.csv.gz")
    change = {"BatchStrategy": "SingleRecord"}
    job = _transform(shop, _script(shop), f"{folder}/in.csv.gz", f"{folder}/out", CompressionType="Gzip", **change)
    assert _ended(shop, job)["TransformJobStatus"] == "Completed"
    got = [json.loads(line)["got"] for line in _read(shop, f"{folder}/out/in.csv.gz.out").splitlines()]
    assert got == ["1\n", "2\n", "3\n"]


def test_a_transform_job_fails_with_the_reason_and_can_be_stopped(shop: Shop, settings: Callable[..., None]) -> None:
    folder = shop.name("batch")
    shop.put(b"a,b\n", f"{folder}/in.csv")
    failed = _ended(shop, _transform(shop, shop.model(), f"{folder}/in.csv", f"{folder}/out"))
    assert failed["TransformJobStatus"] == "Failed"
    assert "415" in failed["FailureReason"]
    assert "No S3 objects found" in _ended(shop, _transform(shop, shop.model(), "none/", folder))["FailureReason"]

    settings(start_s=0.5)
    job = _transform(shop, shop.model(), f"{folder}/in.csv", f"{folder}/out")
    shop.sagemaker.stop_transform_job(TransformJobName=job)
    assert _ended(shop, job)["TransformJobStatus"] == "Stopped"


def test_autoscaling_follows_the_load_within_its_bounds(shop: Shop, settings: Callable[..., None]) -> None:
    settings(minute_s=0.15)
    endpoint = shop.endpoint(variant(shop.model()))
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling = shop.served.client("application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    scaling.put_scaling_policy(
        **target,
        PolicyName="follow",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 2.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 0,
            "ScaleOutCooldown": 0,
        },
    )

    def instances() -> int:
        return int(shop.settled(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"])

    with shop.calling(endpoint):
        _eventually(lambda: instances() == 3)
    _eventually(lambda: instances() == 1, seconds=15)
    scaling.deregister_scalable_target(**target)
    _eventually(lambda: scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == [])


def _script(shop: Shop) -> str:
    return shop.model_of(
        {"code/inference.py": SCRIPT, "factor": b"three"},
        SKLEARN,
        SAGEMAKER_PROGRAM="inference.py",
        SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/code",
    )


def _capture(shop: Shop) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/{shop.name('captured')}",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }


def _transform(shop: Shop, model: str, source: str, output: str, **more: Any) -> str:
    name = shop.name("transform")
    given = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{source}"}
    shop.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        **({"BatchStrategy": more.pop("BatchStrategy")} if "BatchStrategy" in more else {}),
        TransformInput={
            "DataSource": {"S3DataSource": given},
            "ContentType": "text/csv",
            "SplitType": "Line",
            **more,
        },
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/{output}", "AssembleWith": "Line", "Accept": "text/csv"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    return name


def _ended(shop: Shop, job: str) -> dict[str, Any]:
    about: dict[str, Any] = {}

    def ended() -> bool:
        about.update(shop.sagemaker.describe_transform_job(TransformJobName=job))
        return about["TransformJobStatus"] not in ("InProgress", "Stopping")

    _eventually(ended)
    return about


def _metric(shop: Shop, endpoint: str, variant_name: str, metric: str, statistic: str) -> float | None:
    now = datetime.now(UTC)
    points = shop.served.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant_name}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7200,
        Statistics=[statistic],
    )["Datapoints"]
    return float(points[0][statistic]) if points else None


def _read(shop: Shop, key: str) -> bytes:
    return bytes(shop.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def _exists(shop: Shop, key: str) -> bool:
    return bool(shop.s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents"))


def _eventually(true: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
