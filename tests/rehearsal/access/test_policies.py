from __future__ import annotations

from typing import Any

import pytest

from housing.rehearsal.access.policies import decide, statements
from housing.rehearsal.responses import ApiError

_JOB = "arn:aws:sagemaker:us-east-1:123456789012:training-job/housing-1"


def _decided(*policy: dict[str, Any], context: dict[str, list[str]] | None = None) -> str:
    return decide(policy, "sagemaker:CreateTrainingJob", _JOB, context or {})


def _statement(effect: str = "Allow", action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("statement", "verdict"),
    [
        (_statement(), "allowed"),
        (_statement(action="sagemaker:*"), "allowed"),
        (_statement(action="SAGEMAKER:createtrainingjob"), "allowed"),
        (_statement(action=["s3:*", "sagemaker:Create*Job"]), "allowed"),
        (_statement(action="sagemaker:Describe*"), "not allowed"),
        (_statement(resource="arn:aws:sagemaker:*:123456789012:training-job/housing-?"), "allowed"),
        (_statement(resource="arn:aws:sagemaker:*:*:training-job/HOUSING-*"), "not allowed"),
        (_statement(resource="arn:aws:sagemaker:*:*:training-job/housing"), "not allowed"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "allowed"),
        ({"Effect": "Allow", "NotAction": "sagemaker:*", "Resource": "*"}, "not allowed"),
        ({"Effect": "Allow", "Action": "*", "NotResource": "*:training-job/*"}, "not allowed"),
    ],
)
def test_actions_and_resources_fit_by_pattern(statement: dict[str, Any], verdict: str) -> None:
    assert _decided(statement) == verdict


def test_an_explicit_deny_beats_every_allow() -> None:
    assert _decided(_statement(), _statement("Deny", "sagemaker:Create*"), _statement()) == "denied"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:RequestTag/housing:run": "7"}}, True),
        ({"StringEquals": {"aws:RequestTag/housing:run": ["6", "7"]}}, True),
        ({"StringEquals": {"aws:RequestTag/housing:run": "8"}}, False),
        ({"StringNotEquals": {"aws:RequestTag/housing:run": "8"}}, True),
        ({"StringNotEquals": {"aws:RequestTag/absent": "8"}}, True),
        ({"StringEquals": {"aws:RequestTag/absent": "8"}}, False),
        ({"StringEqualsIfExists": {"aws:RequestTag/absent": "8"}}, True),
        ({"StringLike": {"aws:RequestTag/housing:run": "?"}}, True),
        ({"Null": {"aws:RequestTag/absent": "true"}}, True),
        ({"Null": {"aws:RequestTag/housing:run": "true"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["housing:run", "b"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["housing:run"]}}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["b", "c"]}}, True),
        ({"NumericLessThan": {"s3:max-keys": "11"}}, True),
        ({"StringEquals": {"aws:RequestTag/housing:run": "7"}, "Null": {"aws:TagKeys": "true"}}, False),
    ],
)
def test_conditions(condition: dict[str, Any], *, holds: bool) -> None:
    context = {"aws:requesttag/housing:run": ["7"], "aws:tagkeys": ["housing:run", "b"], "s3:max-keys": ["10"]}

    assert (_decided(_statement(Condition=condition), context=context) == "allowed") == holds


def test_conditions_that_are_not_known_are_said() -> None:
    with pytest.raises(ApiError, match="no condition operator IpAddress"):
        _decided(_statement(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), context={"aws:sourceip": ["1"]})


def test_a_single_statement_needs_no_list() -> None:
    assert statements({"Statement": _statement()}) == statements({"Statement": [_statement()]})
