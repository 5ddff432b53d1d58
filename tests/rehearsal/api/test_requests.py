"""Every operation beside AWS's own model of its requests, and what AWS says of names that nothing has."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from housing.rehearsal.api.operations import INVOCATION_PATHS
from housing.rehearsal.api.validation import check, operation_model
from housing.rehearsal.composition import OPERATIONS
from housing.rehearsal.responses import ApiError
from tests.rehearsal.api.models import broken, sound
from tests.rehearsal.conftest import Served

SCALING = (
    "DeleteScalingPolicy",
    "DeregisterScalableTarget",
    "DescribeScalableTargets",
    "DescribeScalingActivities",
    "DescribeScalingPolicies",
    "PutScalingPolicy",
    "RegisterScalableTarget",
)
CHECKED = [
    *(("sagemaker", name) for name in sorted(OPERATIONS)),
    *(("application-autoscaling", name) for name in SCALING),
]
_AT = "arn:aws:sagemaker:us-east-1:123456789012:"
NOWHERE = {
    "DescribeTrainingJob StopTrainingJob DeleteTrainingJob": ("ValidationException", "Requested resource not found."),
    "DescribeTransformJob StopTransformJob": ("ResourceNotFound", "Could not find requested job with name: a"),
    "DescribeHyperParameterTuningJob StopHyperParameterTuningJob ListTrainingJobsForHyperParameterTuningJob": (
        "ResourceNotFound",
        "Amazon SageMaker can't find a tuning job with name a.",
    ),
    "DescribeEndpoint DeleteEndpoint UpdateEndpoint UpdateEndpointWeightsAndCapacities": (
        "ValidationException",
        f'Could not find endpoint "{_AT}endpoint/a".',
    ),
    "DescribeEndpointConfig DeleteEndpointConfig CreateEndpoint": (
        "ValidationException",
        f'Could not find endpoint configuration "{_AT}endpoint-config/a".',
    ),
    "DescribeModel DeleteModel CreateTransformJob": ("ValidationException", f'Could not find model "{_AT}model/a".'),
    "DescribeModelPackageGroup DeleteModelPackageGroup": (
        "ValidationException",
        f"ModelPackageGroup {_AT}model-package-group/a does not exist.",
    ),
    "DescribeModelPackage DeleteModelPackage": (
        "ValidationException",
        f"ModelPackage {_AT}model-package/a does not exist.",
    ),
    "DescribeMlflowTrackingServer StartMlflowTrackingServer StopMlflowTrackingServer DeleteMlflowTrackingServer": (
        "ResourceNotFound",
        "MLflow Tracking Server with name a does not exist.",
    ),
    "ListTags AddTags DeleteTags": ("ValidationException", f"Could not find resource {_AT}endpoint/a."),
}


def test_sixty_operations_are_held_to_their_models() -> None:
    assert len(CHECKED) + len(INVOCATION_PATHS) == 60


@pytest.mark.parametrize(("service", "operation"), CHECKED)
def test_what_the_model_allows_passes_and_each_rule_that_is_broken_is_refused_with_its_place(
    service: str, operation: str
) -> None:
    shape = operation_model(operation, service).input_shape
    for whole in (False, True):
        request = sound(shape, whole=whole)
        # The test's own requests are sound by AWS's client, too.
        assert not ParamValidator().validate(request, shape).has_errors()
        check(shape, request)
    for case in broken(shape):
        with pytest.raises(ApiError) as refused:
            check(shape, case.request)
        assert refused.value.status == 400
        assert case.place in refused.value.message, (case.rule, case.place)
        wrong_type = case.rule == "type"
        assert refused.value.code == ("SerializationException" if wrong_type else "ValidationException")


@pytest.fixture(scope="module")
def client(rehearsal: Served) -> Any:
    """Of AWS's, which sends what it is told to."""
    return _unchecked(rehearsal, "sagemaker")


@pytest.mark.parametrize(("operation", "words"), [(o, w) for ops, w in NOWHERE.items() for o in ops.split()])
def test_names_that_nothing_has_are_told_as_by_aws(client: Any, operation: str, words: tuple[str, str]) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client, xform_name(operation))(**sound(operation_model(operation).input_shape, whole=False))
    error = refused.value.response["Error"]
    assert (error["Code"], error["Message"]) == words


def test_a_served_call_is_held_to_the_model_whatever_its_client_checks(rehearsal: Served, client: Any) -> None:
    refused = 0
    for service, operation in CHECKED:
        shape = operation_model(operation, service).input_shape
        case = next((case for case in broken(shape) if case.rule in ("required", "max", "min", "enum")), None)
        if case is None:
            continue
        caller = client if service == "sagemaker" else _unchecked(rehearsal, service)
        with pytest.raises(ClientError, match="validation error detected"):
            getattr(caller, xform_name(operation))(**case.request)
        refused += 1
    assert refused >= 50


@pytest.mark.parametrize(
    ("operation", "given", "place"),
    [
        ("invoke_endpoint", {"EndpointName": "a_b"}, "endpointName"),
        ("invoke_endpoint", {"ContentType": "x" * 1025}, "contentType"),
        ("invoke_endpoint", {"InferenceId": "x" * 65}, "inferenceId"),
        ("invoke_endpoint", {"TargetVariant": "a_b"}, "targetVariant"),
        ("invoke_endpoint", {"TargetModel": "x" * 1025}, "targetModel"),
        ("invoke_endpoint", {"CustomAttributes": "x" * 1025}, "customAttributes"),
        ("invoke_endpoint_with_response_stream", {"TargetVariant": "a_b"}, "targetVariant"),
        ("invoke_endpoint_async", {"InputLocation": "ftp://bucket/key"}, "inputLocation"),
        ("invoke_endpoint_async", {"InvocationTimeoutSeconds": 3601}, "invocationTimeoutSeconds"),
        ("invoke_endpoint_async", {"RequestTTLSeconds": 59}, "requestTTLSeconds"),
    ],
)
def test_headers_of_the_runtime_are_held_to_its_model(
    rehearsal: Served, operation: str, given: dict[str, Any], place: str
) -> None:
    body = {} if operation.endswith("async") else {"Body": b"1"}
    with pytest.raises(ClientError, match=f"at '{place}' failed to satisfy constraint") as refused:
        getattr(_unchecked(rehearsal, "sagemaker-runtime"), operation)(**{"EndpointName": "a", **body, **given})
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_what_the_runtimes_model_allows_reaches_the_endpoint_that_is_not_there(rehearsal: Served) -> None:
    runtime = rehearsal.client("sagemaker-runtime")
    given = {"ContentType": "text/csv", "InferenceId": "x" * 64, "CustomAttributes": "a=b; c"}
    with pytest.raises(ClientError, match="Endpoint a of account 123456789012 not found"):
        runtime.invoke_endpoint(EndpointName="a", Body=b"1", TargetVariant="v-1", **given)
    with pytest.raises(ClientError, match="Endpoint a of account 123456789012 not found"):
        runtime.invoke_endpoint_async(EndpointName="a", InputLocation="s3://b/k", RequestTTLSeconds=60, **given)


def _unchecked(rehearsal: Served, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=rehearsal.url,
        region_name="us-east-1",
        aws_access_key_id="rehearsal",
        aws_secret_access_key="rehearsal",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )
