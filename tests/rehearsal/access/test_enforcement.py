"""`enforce_iam`: users and roles made through IAM's own API, held to what they may do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.conftest import ACCOUNT, ROLE, Served

_MODEL = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model/m"

User = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module", autouse=True)
def enforced(rehearsal: Served) -> Iterator[None]:
    s3 = rehearsal.client("s3")
    s3.create_bucket(Bucket="owned")
    s3.put_object(Bucket="owned", Key="data/train.csv", Body=b"1")
    rehearsal.client("sagemaker")
    rehearsal.use(enforce_iam=True)
    yield
    rehearsal.use()


@pytest.fixture
def user(rehearsal: Served) -> User:
    """Makes a user with an inline policy of the given statements, or none; gives access key and secret."""

    def made(*statements: dict[str, Any]) -> tuple[str, str]:
        iam, name = rehearsal.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=_document(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    return made


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _allow(action: str | list[str], resource: str | list[str] = "*", **condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **condition}


def _refusal(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        call(**request)
    error: dict[str, Any] = refused.value.response["Error"]
    return error


def _outcome(call: Callable[..., Any], **request: Any) -> str:
    """`allowed`, or the action that IAM refuses; other refusals come after IAM's."""
    try:
        call(**request)
    except ClientError as error:
        _, found, rest = error.response["Error"].get("Message", "").partition("is not authorized to perform: ")
        return rest.partition(" ")[0] if found else "allowed"
    return "allowed"


def test_the_account_may_do_everything_and_unknown_keys_nothing(rehearsal: Served) -> None:
    assert rehearsal.client("sagemaker").search(Resource="Endpoint")["Results"] == []

    unknown = "AKIAUNKNOWN000000000"
    assert _refusal(rehearsal.client("sagemaker", unknown).list_models)["Code"] == "UnrecognizedClientException"
    assert _refusal(rehearsal.client("s3", unknown).list_buckets)["Code"] == "InvalidAccessKeyId"
    assert _refusal(rehearsal.client("iam", unknown).list_users)["Code"] == "InvalidClientTokenId"
    assert _refusal(rehearsal.client("logs", unknown).describe_log_groups)["Code"] == "UnrecognizedClientException"


def test_a_refusal_names_who_what_and_where(rehearsal: Served, user: User) -> None:
    error = _refusal(rehearsal.client("sagemaker", *user()).describe_model, ModelName="m")

    assert error["Code"] == "AccessDeniedException"
    assert error["Message"].startswith(f"User: arn:aws:iam::{ACCOUNT}:user/user-")
    assert error["Message"].endswith(
        f"is not authorized to perform: sagemaker:DescribeModel on resource: {_MODEL} "
        "because no identity-based policy allows the sagemaker:DescribeModel action"
    )


def test_s3_names_the_action_as_well(rehearsal: Served, user: User) -> None:
    s3 = rehearsal.client("s3", *user(_allow("s3:GetObject", "arn:aws:s3:::owned/data/*")))

    assert s3.get_object(Bucket="owned", Key="data/train.csv")["Body"].read() == b"1"
    error = _refusal(s3.put_object, Bucket="owned", Key="data/other.csv", Body=b"2")
    assert error["Code"] == "AccessDenied"
    assert "s3:PutObject on resource: arn:aws:s3:::owned/data/other.csv" in error["Message"]
    assert _outcome(s3.get_object, Bucket="owned", Key="secret") == "s3:GetObject"
    assert _outcome(s3.list_objects_v2, Bucket="owned") == "s3:ListBucket"


def test_an_explicit_deny_is_said(rehearsal: Served, user: User) -> None:
    deny = {"Effect": "Deny", "Action": "sagemaker:Search", "Resource": "*"}
    client = rehearsal.client("sagemaker", *user(_allow("*"), deny))

    assert "explicit deny" in _refusal(client.search, Resource="Endpoint")["Message"]


def test_a_role_must_be_passed_and_tags_must_be_allowed(rehearsal: Served, user: User) -> None:
    request = {
        "ModelName": "m",
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"Image": "image"},
        "Tags": [{"Key": "housing:run", "Value": "7"}],
    }
    create, tag = _allow("sagemaker:CreateModel", _MODEL), _allow("sagemaker:AddTags", _MODEL)
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    other = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}

    def outcome(*statements: dict[str, Any]) -> str:
        client = rehearsal.client("sagemaker", *user(*statements))
        return _outcome(client.create_model, **request)

    assert outcome(create) == "sagemaker:AddTags"
    assert outcome(create, tag) == "iam:PassRole"
    assert outcome(create, tag, _allow("iam:PassRole", ROLE, Condition=other)) == "iam:PassRole"
    assert outcome(create, tag, _allow("iam:PassRole", ROLE, Condition=passed)) == "allowed"
    assert outcome(_allow("sagemaker:CreateModel", _MODEL + "x"), tag) == "sagemaker:CreateModel"


def test_tags_of_what_exists_can_be_asked_for(rehearsal: Served, user: User) -> None:
    store = rehearsal.context.store
    store.create(
        "endpoint", "ours", {"EndpointStatus": "InService", "Tags": [{"Key": "housing:endpoint", "Value": "ours"}]}
    )
    store.create("endpoint", "theirs", {"EndpointStatus": "InService"})
    owned = {"Null": {"aws:ResourceTag/housing:endpoint": "false"}}
    client = rehearsal.client("sagemaker", *user(_allow("sagemaker:DeleteEndpoint", Condition=owned)))

    assert _outcome(client.delete_endpoint, EndpointName="theirs") == "sagemaker:DeleteEndpoint"
    assert _outcome(client.delete_endpoint, EndpointName="ours") == "allowed"


def test_both_an_endpoint_and_its_configuration_are_needed(rehearsal: Served, user: User) -> None:
    client = rehearsal.client(
        "sagemaker", *user(_allow("sagemaker:CreateEndpoint", f"arn:aws:sagemaker:*:{ACCOUNT}:endpoint/*"))
    )

    error = _refusal(client.create_endpoint, EndpointName="e", EndpointConfigName="c")
    assert "sagemaker:CreateEndpoint on resource" in error["Message"]
    assert "endpoint-config/c because" in error["Message"]


@pytest.mark.parametrize(
    ("service", "call", "request_", "action"),
    [
        ("logs", "get_log_events", {"logGroupName": "g", "logStreamName": "s"}, "logs:GetLogEvents"),
        ("logs", "describe_log_streams", {"logGroupName": "g"}, "logs:DescribeLogStreams"),
        ("cloudwatch", "list_metrics", {}, "cloudwatch:ListMetrics"),
        ("cloudwatch", "describe_alarms", {"AlarmNames": ["a"]}, "cloudwatch:DescribeAlarms"),
        ("cloudwatch", "delete_alarms", {"AlarmNames": ["a"]}, "cloudwatch:DeleteAlarms"),
        (
            "application-autoscaling",
            "describe_scalable_targets",
            {"ServiceNamespace": "sagemaker"},
            "application-autoscaling:DescribeScalableTargets",
        ),
        ("iam", "get_role", {"RoleName": "r"}, "iam:GetRole"),
        ("sts", "assume_role", {"RoleArn": ROLE, "RoleSessionName": "session"}, "sts:AssumeRole"),
        ("s3", "list_buckets", {}, "s3:ListAllMyBuckets"),
        ("s3", "head_bucket", {"Bucket": "owned"}, "s3:ListBucket"),
        ("s3", "copy_object", {"Bucket": "owned", "Key": "k", "CopySource": "owned/data/train.csv"}, "s3:PutObject"),
        ("s3", "create_multipart_upload", {"Bucket": "owned", "Key": "k"}, "s3:PutObject"),
        (
            "s3",
            "delete_objects",
            {"Bucket": "owned", "Delete": {"Objects": [{"Key": "nothing"}]}},
            "s3:DeleteObject",
        ),
        ("sagemaker", "list_models", {}, "sagemaker:ListModels"),
        ("sagemaker", "search", {"Resource": "TrainingJob"}, "sagemaker:Search"),
        ("sagemaker", "list_tags", {"ResourceArn": _MODEL}, "sagemaker:ListTags"),
    ],
)
def test_each_service_is_held_to_its_actions(
    rehearsal: Served, user: User, service: str, call: str, request_: dict[str, Any], action: str
) -> None:
    refused = getattr(rehearsal.client(service, *user()), call)
    if call != "head_bucket":  # answers to HEAD have no body to say it in
        assert _outcome(refused, **request_) == action
    more = "s3:GetObject" if call == "copy_object" else action
    allowed = getattr(rehearsal.client(service, *user(_allow([action, more]))), call)
    assert _outcome(allowed, **request_) == "allowed"
    if call == "head_bucket":
        assert _refusal(refused, **request_)["Code"] == "403"


def test_tags_are_allowed_apart_where_aws_asks_for_it(rehearsal: Served, user: User) -> None:
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/v",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "MinCapacity": 1,
        "MaxCapacity": 2,
        "Tags": {"housing:endpoint": "e"},
    }
    alarm = {
        "AlarmName": "a",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Tags": [{"Key": "housing:endpoint", "Value": "e"}],
    }
    register, alarms = "application-autoscaling:RegisterScalableTarget", "cloudwatch:PutMetricAlarm"

    def outcome(service: str, call: str, request: dict[str, Any], *actions: str) -> str:
        client = rehearsal.client(service, *user(_allow(list(actions))))
        return _outcome(getattr(client, call), **request)

    tag, role = "application-autoscaling:TagResource", "iam:CreateServiceLinkedRole"
    assert outcome("application-autoscaling", "register_scalable_target", target, register) == tag
    assert outcome("application-autoscaling", "register_scalable_target", target, register, tag) == role
    assert outcome("cloudwatch", "put_metric_alarm", alarm, alarms) == "cloudwatch:TagResource"
    assert outcome("cloudwatch", "put_metric_alarm", alarm, alarms, "cloudwatch:TagResource") == "allowed"


def test_everybody_may_ask_who_they_are(rehearsal: Served, user: User) -> None:
    caller = rehearsal.client("sts", *user()).get_caller_identity()

    assert caller["Account"] == ACCOUNT
    assert caller["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:user/user-")


def test_roles_are_held_to_their_attached_policies(rehearsal: Served) -> None:
    import boto3

    iam = rehearsal.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    policy = iam.create_policy(PolicyName="reading", PolicyDocument=_document(_allow("sagemaker:Search")))
    iam.attach_role_policy(RoleName="reader", PolicyArn=policy["Policy"]["Arn"])
    key = rehearsal.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    client = boto3.client(
        "sagemaker",
        endpoint_url=rehearsal.url,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )

    assert _outcome(client.search, Resource="Endpoint") == "allowed"
    assert "assumed-role/reader/session is not authorized" in _refusal(client.list_models)["Message"]


def test_policies_that_aws_manages_can_be_attached(rehearsal: Served) -> None:
    iam = rehearsal.client("iam")
    iam.create_user(UserName="looker")
    iam.attach_user_policy(UserName="looker", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerReadOnly")
    key = iam.create_access_key(UserName="looker")["AccessKey"]
    client = rehearsal.client("sagemaker", key["AccessKeyId"], key["SecretAccessKey"])

    assert _outcome(client.list_endpoints) == "allowed"
    assert _outcome(client.delete_endpoint, EndpointName="theirs") == "sagemaker:DeleteEndpoint"


def test_calls_of_services_themselves_are_not_held_to_it(rehearsal: Served) -> None:
    assert [bucket["Name"] for bucket in rehearsal.context.client("s3").list_buckets()["Buckets"]] == ["owned"]
