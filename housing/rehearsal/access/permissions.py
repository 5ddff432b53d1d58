"""The permissions that a call needs: actions on resources, as the Service Authorization Reference lists them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree

from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.kinds import KINDS, arn

if TYPE_CHECKING:
    from housing.rehearsal.access.policies import RequestContext
    from housing.rehearsal.api.calls import Call
    from housing.rehearsal.store import Store


@dataclass(frozen=True)
class Need:
    """One action on one resource; `context` as in `policies`."""

    action: str
    resource: str
    context: RequestContext = field(default_factory=dict)


def needs(call: Call, body: bytes, headers: Mapping[str, str], *, store: Store, region: str) -> list[Need]:
    """Everything that must be allowed for this call; `headers` as in WSGI. An unreadable body adds nothing."""
    request = call.parameters or _parsed(body)
    match call.service:
        case "sagemaker":
            found = _control(call.action, request, store, region)
        case "sagemaker-runtime":
            found = _on(_resources(call.action, request, region), call.action, request, store)
        case "s3":
            found = _s3(call, body, headers)
        case "logs":
            found = iter([Need(call.operation, _log_stream(request, region))])
        case "monitoring":
            found = _cloudwatch(call, request, region)
        case "application-autoscaling":
            found = _autoscaling(call.operation, request, region)
        case "sagemaker-mlflow":
            found = iter(())  # MLflow's own actions are not checked
        case "iam":
            found = iter([Need(call.operation, _identity(request))])
        case _:
            found = iter([Need(call.operation, str(request.get("RoleArn", "*")))])
    return list(found)


def _control(action: str, request: Mapping[str, Any], store: Store, region: str) -> Iterator[Need]:
    resources = list(_resources(action, request, region))
    yield from _on(resources or ["*"], action, request, store)
    if request.get("Tags") and action.startswith("Create"):
        # Only the first is created; a configuration that a new endpoint names is not tagged.
        yield from _on(resources[:1], "AddTags", request, store)
    for role in _roles(request):
        yield Need("iam:PassRole", role, {"iam:passedtoservice": ["sagemaker.amazonaws.com"]})


def _on(resources: Iterable[str], action: str, request: Mapping[str, Any], store: Store) -> Iterator[Need]:
    asked = _tags("aws:requesttag/", {tag["Key"]: tag["Value"] for tag in request.get("Tags") or ()})
    if request.get("Tags"):
        asked["aws:tagkeys"] = [tag["Key"] for tag in request["Tags"]]
    for resource in resources:
        found = store.by_arn(resource)
        own = store.get(*found)["_tags"] if found else {}
        tags = _tags("aws:resourcetag/", own) | _tags("sagemaker:resourcetag/", own)
        yield Need(f"sagemaker:{action}", resource, asked | tags)


def _resources(action: str, request: Mapping[str, Any], region: str) -> Iterator[str]:
    """ARNs of the resources that a request names, the one that it creates or changes first."""
    if "ResourceArn" in request:
        yield str(request["ResourceArn"])
    for member in ("ModelPackageArn", "ModelPackageName"):
        if str(request.get(member, "")).startswith("arn:"):
            yield str(request[member])
            return
    for kind in sorted(KINDS.values(), key=lambda kind: not action.endswith(kind.shape)):
        name = request.get(kind.name_member)
        # A transform job only refers to its model.
        if name and (kind.name != "model" or "Model" in action):
            yield arn(region, kind.name, name)


def _roles(request: Mapping[str, Any]) -> Iterator[str]:
    definitions = [request, request.get("TrainingJobDefinition"), *(request.get("TrainingJobDefinitions") or ())]
    for definition in filter(None, definitions):
        for member in ("RoleArn", "ExecutionRoleArn"):
            if definition.get(member):
                yield definition[member]


_S3_ACTIONS = {
    "HeadObject": "GetObject",
    "HeadBucket": "ListBucket",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListParts": "ListMultipartUploadParts",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}


def _s3(call: Call, body: bytes, headers: Mapping[str, str]) -> Iterator[Need]:
    action = f"s3:{_S3_ACTIONS.get(call.action, call.action)}"
    bucket = f"arn:aws:s3:::{call.parameters['Bucket']}" if "Bucket" in call.parameters else "*"
    if call.action == "DeleteObjects":
        keys = [element.text for element in ElementTree.fromstring(body).iter() if element.tag.endswith("Key")]
        yield from (Need(action, f"{bucket}/{key}") for key in keys)
    elif "Key" in call.parameters:
        own = f"{bucket}/{call.parameters['Key']}"
        yield Need(action, own)
        if headers.get("HTTP_X_AMZ_TAGGING"):
            yield Need("s3:PutObjectTagging", own)
        if source := headers.get("HTTP_X_AMZ_COPY_SOURCE"):
            yield Need("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/').partition('?')[0]}")
    else:
        prefix = call.parameters.get("prefix", "") if action == "s3:ListBucket" else None
        yield Need(action, bucket, {"s3:prefix": [prefix]} if prefix is not None else {})


def _log_stream(request: Mapping[str, Any], region: str) -> str:
    """The ARN of a log stream, in IAM's form also for calls about a whole group, and for those about none."""
    group, stream = request.get("logGroupName", ""), request.get("logStreamName", "")
    return f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{group}:log-stream:{stream}"


def _cloudwatch(call: Call, request: Mapping[str, Any], region: str) -> Iterator[Need]:
    if "ResourceARN" in request:
        yield Need(call.operation, str(request["ResourceARN"]))
        return
    if "Alarm" not in call.action:
        namespace = request.get("Namespace")
        yield Need(call.operation, "*", {"cloudwatch:namespace": [str(namespace)]} if namespace else {})
        return
    listed = request.get("AlarmNames") or [v for k, v in request.items() if k.startswith("AlarmNames.member.")]
    names: Iterable[Any] = listed or [request.get("AlarmName", "*")]
    for name in names:
        alarm = f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{name}"
        yield Need(call.operation, alarm)
        if request.get("Tags") or "Tags.member.1.Key" in request:
            yield Need("cloudwatch:TagResource", alarm)


def _autoscaling(operation: str, request: Mapping[str, Any], region: str) -> Iterator[Need]:
    everything = operation.partition(":")[2].startswith("Describe")
    target = f"arn:aws:application-autoscaling:{region}:{ACCOUNT}:scalable-target/*"
    space = request.get("ServiceNamespace")
    context = {"application-autoscaling:service-namespace": [str(space)]} if space else {}
    yield Need(operation, "*" if everything else target, context)
    if request.get("Tags") and not everything:
        yield Need("application-autoscaling:TagResource", target)
    if operation == "application-autoscaling:RegisterScalableTarget" and request.get("ServiceNamespace") == "sagemaker":
        # The service-linked role that scales targets is created with an account's first target.
        service = "sagemaker.application-autoscaling.amazonaws.com"
        role = f"{service}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        yield Need(
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{role}",
            {"iam:awsservicename": [service]},
        )


def _identity(request: Mapping[str, Any]) -> str:
    for member, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"), ("PolicyName", "policy")):
        if member in request:
            return f"arn:aws:iam::{ACCOUNT}:{kind}/{request[member]}"
    return str(request.get("PolicyArn") or request.get("PolicySourceArn") or "*")


def _tags(prefix: str, tags: Mapping[str, str]) -> dict[str, list[str]]:
    # Condition keys are case-insensitive, and so are the tag keys that they end in.
    return {prefix + key.lower(): [value] for key, value in tags.items()}


def _parsed(body: bytes) -> dict[str, Any]:
    """A JSON body; empty where it is not JSON, which is refused later."""
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
