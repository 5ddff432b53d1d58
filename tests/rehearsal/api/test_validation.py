from __future__ import annotations

from typing import Any

import pytest

from housing.rehearsal.api.validation import answered, check, operation_model, service_model
from housing.rehearsal.responses import ApiError

_JOB: dict[str, Any] = {
    "TrainingJobName": "job",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/housing",
    "HyperParameters": {"num_round": "20"},
    "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    "Tags": [{"Key": "housing:run", "Value": "größe 1/2 + x=y@z"}],
}


def _refusal(**changes: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        check(operation_model("CreateTrainingJob").input_shape, _JOB | changes)
    return refused.value


def test_a_sound_request_passes() -> None:
    check(operation_model("CreateTrainingJob").input_shape, _JOB)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"TrainingJobName": "my_job"},
            "1 validation error detected: Value 'my_job' at 'trainingJobName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        ),
        (
            {"RoleArn": None},
            "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 0}},
            "1 validation error detected: Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy "
            "constraint: Member must have value greater than or equal to 1",
        ),
        (
            {"HyperParameters": {"eta": "x" * 2501}},
            "Map value must satisfy constraint: [Member must have length less than or equal to 2500]",
        ),
        (
            {"Tags": [{"Key": "", "Value": "x"}]},
            "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            {"ResourceConfig": {"InstanceType": "ml.m5.huge", "VolumeSizeInGB": 5}},
            "Value 'ml.m5.huge' at 'resourceConfig.instanceType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [ml.m4.xlarge",
        ),
        ({"TrainingJobName": "", "RoleArn": "short"}, "2 validation errors detected: "),
    ],
)
def test_what_breaks_a_rule_is_refused_in_the_words_of_aws(changes: dict[str, Any], words: str) -> None:
    refusal = _refusal(**changes)

    assert refusal.code == "ValidationException"
    assert refusal.status == 400
    assert words in refusal.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"HyperParameters": {"num_round": 20}}, "NUMBER_VALUE can not be converted to a String"),
        ({"StoppingCondition": {"MaxRuntimeInSeconds": "1"}}, "STRING_VALUE can not be converted to an Integer"),
        ({"EnableManagedSpotTraining": "yes"}, "STRING_VALUE can not be converted to a Boolean"),
        ({"Tags": {"a": "b"}}, "START_OBJECT can not be converted to a List"),
        ({"HyperParamters": {}}, "hyperParamters: CreateTrainingJobRequest has no such member"),
    ],
)
def test_values_of_another_type_and_unknown_members_are_refused(changes: dict[str, Any], words: str) -> None:
    refusal = _refusal(**changes)

    assert refusal.code == "SerializationException"
    assert words in refusal.message


def test_patterns_that_only_java_has_hold_as_well() -> None:
    assert "Member must satisfy regular expression pattern" in _refusal(Tags=[{"Key": "a#b", "Value": ""}]).message
    check(operation_model("CreateTrainingJob").input_shape, _JOB | {"Tags": [{"Key": "Größe: 1", "Value": ""}]})


def test_answers_have_no_members_but_those_of_their_shape() -> None:
    record = {"ModelName": "m", "ModelArn": "arn", "CreationTime": 1.0, "_tags": {}, "Unknown": 1, "VpcConfig": None}

    assert answered(operation_model("DescribeModel").output_shape, record) == {
        "ModelName": "m",
        "ModelArn": "arn",
        "CreationTime": 1.0,
    }


def test_every_request_of_the_service_model_can_be_checked() -> None:
    for name in service_model().operation_names:
        shape = operation_model(name).input_shape
        if shape is not None and not shape.required_members:
            check(shape, {})
