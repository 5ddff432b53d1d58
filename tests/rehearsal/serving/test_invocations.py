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

from tests.rehearsal.conftest import ROLE, Served
from tests.rehearsal.container.records import encoded
from tests.rehearsal.serving.shop import BUCKET, ROW, SKLEARN, XGBOOST, Shop, archive, constant, variant

SCRIPT = b"""
import json
def model_fn(model_dir): return open(model_dir + "/factor").read()
def transform_fn(model, body, content_type, accept):
    if body == "fail": raise ValueError("as asked")
    body = body if isinstance(body, str) else body.decode()
    return json.dumps({"factor": model, "got": body, "as": content_type}), "application/json"
"""


@pytest.fixture(scope="module")
def shop(rehearsal: Served) -> Shop:
    return Shop(rehearsal)


@pytest.fixture(scope="module")
def ab(shop: Shop) -> str:
    return shop.endpoint(variant(shop.model(1.0), "champion", 9), variant(shop.model(2.0), "challenger", 1))


@pytest.mark.slow
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


def test_an_endpoint_serves_the_model_that_a_request_names(shop: Shop) -> None:
    prefix = shop.name("many")
    for value in (1.0, 2.0):
        shop.put(archive({"xgboost-model": constant(value)}), f"{prefix}/of/{value:g}.tar.gz")
    name = shop.name("model")
    container = {"Image": XGBOOST, "Mode": "MultiModel", "ModelDataUrl": f"s3://{BUCKET}/{prefix}/"}
    shop.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    endpoint = shop.endpoint(variant(name))
    assert [shop.invoke(endpoint, TargetModel=f"of/{value}.tar.gz")[0] for value in (2, 1, 2)] == [2, 1, 2]

    shop.put(archive({"xgboost-model": constant(3.0)}), f"{prefix}/new.tar.gz")  # to a running endpoint
    assert shop.invoke(endpoint, TargetModel="new.tar.gz")[0] == 3
    with pytest.raises(ClientError, match="Failed to download model data"):
        shop.invoke(endpoint, TargetModel="none.tar.gz")
    with pytest.raises(ClientError, match="TargetModel is required"):
        shop.invoke(endpoint)
    with pytest.raises(ClientError, match="Batch transform is not supported for multi-model containers"):
        _transform(shop, name, f"{prefix}/new.tar.gz", prefix)


def test_an_answer_comes_as_a_stream(shop: Shop) -> None:
    endpoint = shop.endpoint(variant(shop.model(8.0)))
    answer = shop.runtime.invoke_endpoint_with_response_stream(
        EndpointName=endpoint, Body=(ROW + b"\n") * 20_000, ContentType="text/csv"
    )
    parts = [event["PayloadPart"]["Bytes"] for event in answer["Body"]]
    assert (answer["InvokedProductionVariant"], answer["ContentType"]) == ("AllTraffic", "text/csv")
    assert len(parts) > 1
    assert b"".join(parts) == b"8.0\n" * 20_000
    with pytest.raises(ClientError, match=r"Received client error \(415\)"):
        shop.runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=ROW, ContentType="x/y")


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


def test_an_asynchronous_request_is_of_its_objects_content_type_and_its_failure_is_in_the_log(shop: Shop) -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:failures"
    output = {"S3OutputPath": f"s3://{BUCKET}/typed", "NotificationConfig": {"ErrorTopic": topic}}
    endpoint = shop.endpoint(variant(shop.model(8.0)), AsyncInferenceConfig={"OutputConfig": output})
    about = shop.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert about["AsyncInferenceConfig"]["OutputConfig"] == output  # the topic is kept, and never told
    for name, content, kind in (("typed.csv", ROW, "text/csv"), ("typed.txt", ROW, "text/plain")):
        shop.s3.put_object(Bucket=BUCKET, Key=name, Body=content, ContentType=kind)
    good, _ = (
        shop.runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=f"s3://{BUCKET}/{name}")
        for name in ("typed.csv", "typed.txt")
    )
    key = good["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
    _eventually(lambda: _exists(shop, key))
    assert _read(shop, key) == b"8.0\n"

    logs, group = shop.served.client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"

    def failures() -> list[str]:
        try:
            found = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="AllTraffic/")["events"]
        except logs.exceptions.ResourceNotFoundException:  # nothing has been written yet
            return []
        return [each["message"] for each in found if each["logStreamName"].endswith("/data-log")]

    _eventually(lambda: bool(failures()))
    assert "typed.txt: Received client error (415)" in failures()[0]
    _eventually(lambda: _metric(shop, endpoint, "AllTraffic", "InvocationsProcessed", "Sum") == 2)
    assert _metric(shop, endpoint, "AllTraffic", "InvocationFailures", "Sum") == 1


def test_log_events_are_those_of_the_streams_that_are_asked_for(shop: Shop) -> None:
    logs = shop.served.client("logs")
    logs.create_log_group(logGroupName="own")
    for name in ("one/a", "one/b", "two/a"):
        logs.create_log_stream(logGroupName="own", logStreamName=name)
        event = {"timestamp": int(time.time() * 1000), "message": name}
        logs.put_log_events(logGroupName="own", logStreamName=name, logEvents=[event])

    def found(**asked: Any) -> set[str]:
        return {event["message"] for event in logs.filter_log_events(logGroupName="own", **asked)["events"]}

    assert found(logStreamNamePrefix="one/") == {"one/a", "one/b"}
    assert found(logStreamNamePrefix="three") == set()
    assert found() == {"one/a", "one/b", "two/a"}
    with pytest.raises(ClientError, match="cannot both be given"):
        found(logStreamNamePrefix="one/", logStreamNames=["two/a"])


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


def test_a_transform_job_sends_records_of_recordio(shop: Shop) -> None:
    folder = shop.name("batch")
    shop.put(encoded([[0.1, 0.2, 0.3, 0.4]] * 3), f"{folder}/in.rec")
    as_records = {"ContentType": "application/x-recordio-protobuf", "SplitType": "RecordIO"}
    job = _transform(
        shop, shop.model(2.5), f"{folder}/in.rec", f"{folder}/out", BatchStrategy="SingleRecord", **as_records
    )
    about = _ended(shop, job)
    assert about["TransformJobStatus"] == "Completed", about.get("FailureReason")
    assert _read(shop, f"{folder}/out/in.rec.out") == b"2.5\n" * 3


@pytest.mark.parametrize(
    ("processing", "written"),
    [
        ({"InputFilter": "$[1:]"}, b"2.5\n2.5\n"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input"}, b'"a,1",0.1,0.2,0.3,0.4,2.5\nb,0.1,0.2,0.3,0.4,2.5\n'),
        ({"InputFilter": "$[1,2,3:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}, b'"a,1",2.5\nb,2.5\n'),
        ({"InputFilter": "$[-4:]", "JoinSource": "Input", "OutputFilter": "$[0]"}, b'"a,1"\nb\n'),
    ],
)
def test_a_transform_job_sends_parts_of_records_and_joins_answers(
    shop: Shop, processing: dict[str, str], written: bytes
) -> None:
    folder = shop.name("batch")
    shop.put(b'"a,1",' + ROW + b"\nb," + ROW + b"\n", f"{folder}/in.csv")
    job = _transform(shop, shop.model(2.5), f"{folder}/in.csv", f"{folder}/out", DataProcessing=processing)
    about = _ended(shop, job)
    assert about["TransformJobStatus"] == "Completed", about
    assert about["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"} | processing
    assert _read(shop, f"{folder}/out/in.csv.out") == written


def test_a_transform_job_joins_json_lines(shop: Shop) -> None:
    folder = shop.name("batch")
    shop.put(b'{"id": 1, "row": [1, 2]}\n{"id": 2, "row": [3]}\n', f"{folder}/in.jsonl")
    job = _transform(
        shop,
        _script(shop),
        f"{folder}/in.jsonl",
        f"{folder}/out",
        ContentType="application/jsonlines",
        BatchStrategy="SingleRecord",
        DataProcessing={"InputFilter": "$.row", "JoinSource": "Input", "OutputFilter": "$['SageMakerOutput']"},
    )
    about = _ended(shop, job)
    assert about["TransformJobStatus"] == "Completed", about.get("FailureReason")
    answers = [json.loads(line) for line in _read(shop, f"{folder}/out/in.jsonl.out").splitlines()]
    assert [answer["got"] for answer in answers] == ["[1, 2]", "[3]"]


def test_a_transform_job_says_which_path_does_not_fit(shop: Shop) -> None:
    folder = shop.name("batch")
    shop.put(ROW, f"{folder}/in.csv")
    wrong = {"InputFilter": "$..book[?(@.price)]"}
    with pytest.raises(ClientError, match="is not a JSONPath that batch transform knows"):
        _transform(shop, shop.model(), f"{folder}/in.csv", folder, DataProcessing=wrong)
    failed = _ended(
        shop, _transform(shop, shop.model(), f"{folder}/in.csv", folder, DataProcessing={"OutputFilter": "$[7]"})
    )
    assert failed["TransformJobStatus"] == "Failed"
    assert "OutputFilter finds nothing in the record" in failed["FailureReason"]


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


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB must be 100 at most, got 101"),
        ({"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 3}, "must be 100 at most, got 150"),
    ],
)
def test_a_transform_job_sends_no_more_at_once_than_it_may(shop: Shop, limits: dict[str, int], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        _transform(shop, shop.model(), "any/", "out", **limits)


def test_autoscaling_follows_the_load_within_its_bounds(shop: Shop, settings: Callable[..., None]) -> None:
    settings(speed=400)
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

    def done() -> list[dict[str, Any]]:
        found = scaling.describe_scaling_activities(**target)["ScalingActivities"]
        return [one for one in reversed(found) if one["StatusCode"] == "Successful"]

    [policy] = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    high, low = (alarm["AlarmName"] for alarm in policy["Alarms"])

    def state(alarm: str) -> str:
        [found] = shop.served.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return str(found["StateValue"])

    with shop.calling(endpoint):
        _eventually(lambda: instances() == 3)
        _eventually(lambda: state(high) == "ALARM")
    _eventually(lambda: instances() == 1)
    _eventually(lambda: len(done()) >= 2 and done()[-1]["Description"] == "Setting desired instance count to 1.")
    assert done()[0]["Cause"] == f"monitor alarm {high} in state ALARM triggered policy follow"
    assert done()[-1]["Cause"] == f"monitor alarm {low} in state ALARM triggered policy follow"
    assert (state(high), state(low)) == ("OK", "ALARM")
    scaling.deregister_scalable_target(**target)
    _eventually(lambda: scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == [])
    _eventually(lambda: not shop.served.client("cloudwatch").describe_alarms(AlarmNames=[high, low])["MetricAlarms"])


def test_autoscaling_refuses_what_it_cannot_scale(shop: Shop) -> None:
    scaling = shop.served.client("application-autoscaling")
    endpoint = shop.endpoint(variant(shop.model()))
    common = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    resource = f"endpoint/{endpoint}/variant/AllTraffic"
    tracking = {
        "TargetValue": 2.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }
    for wrong in ("endpoint/none/variant/AllTraffic", f"endpoint/{endpoint}/variant/None", endpoint):
        with pytest.raises(ClientError, match="Could not find the endpoint and variant"):
            scaling.register_scalable_target(**common, ResourceId=wrong, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match="Maximum capacity cannot be less than minimum capacity"):
        scaling.register_scalable_target(**common, ResourceId=resource, MinCapacity=3, MaxCapacity=2)
    with pytest.raises(ClientError, match="MinCapacity and MaxCapacity are required"):
        scaling.register_scalable_target(**common, ResourceId=resource, MinCapacity=3)

    policy = {**common, "ResourceId": resource, "PolicyName": "p", "PolicyType": "TargetTrackingScaling"}
    with pytest.raises(scaling.exceptions.ObjectNotFoundException, match="No scalable target registered"):
        scaling.put_scaling_policy(**policy, TargetTrackingScalingPolicyConfiguration=tracking)
    scaling.register_scalable_target(**common, ResourceId=resource, MinCapacity=1, MaxCapacity=2)
    scaling.register_scalable_target(**common, ResourceId=resource, MaxCapacity=3)
    with pytest.raises(ClientError, match="TargetTrackingScalingPolicyConfiguration is required"):
        scaling.put_scaling_policy(**policy)
    foreign = {
        "TargetValue": 2.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"},
    }
    with pytest.raises(ClientError, match="ALBRequestCountPerTarget is not a metric of the service namespace"):
        scaling.put_scaling_policy(**policy, TargetTrackingScalingPolicyConfiguration=foreign)
    scaling.put_scaling_policy(**policy, TargetTrackingScalingPolicyConfiguration=tracking)
    scaling.deregister_scalable_target(**common, ResourceId=resource)


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


_OF_THE_JOB = ("BatchStrategy", "DataProcessing", "MaxPayloadInMB", "MaxConcurrentTransforms")


def _transform(shop: Shop, model: str, source: str, output: str, **more: Any) -> str:
    name = shop.name("transform")
    given = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{source}"}
    shop.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName=model,
        **{member: more.pop(member) for member in _OF_THE_JOB if member in more},
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


def _eventually(true: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
