"""The least that somebody must be allowed to do: one table, from which policies for IAM are written.

A row of the table is there because a call is made; a test holds the two against each other. Rows that only some
experiments need say which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from housing.deployment.spec import Deployment
from housing.targets.sagemaker.hosting.names import stem

Policy = dict[str, Any]

_VERSION = "2012-10-17"
_SAGEMAKER = "sagemaker.amazonaws.com"
_SCALING = "sagemaker.application-autoscaling.amazonaws.com"


# What MlflowClient asks of a record; those of logged models are what a registered model is made by.
_OF_MLFLOW = (
    "CreateExperiment",
    "CreateModelVersion",
    "CreateRegisteredModel",
    "CreateRun",
    "DeleteLoggedModel",
    "DeleteTag",
    "FinalizeLoggedModel",
    "GetDownloadURIForModelVersionArtifacts",
    "GetExperiment",
    "GetExperimentByName",
    "GetLoggedModel",
    "GetMetricHistory",
    "GetModelVersion",
    "GetModelVersionByAlias",
    "GetRegisteredModel",
    "GetRun",
    "ListArtifacts",
    "ListLoggedModelArtifacts",
    "LogBatch",
    "LogInputs",
    "LogLoggedModelParams",
    "LogModel",
    "LogOutputs",
    "SearchExperiments",
    "SearchLoggedModels",
    "SearchModelVersions",
    "SearchRegisteredModels",
    "SearchRuns",
    "SetLoggedModelTags",
    "SetRegisteredModelAlias",
    "SetTag",
    "UpdateModelVersion",
    "UpdateRun",
)


@dataclass(frozen=True)
class Use:
    """What an experiment does at one place: `trains` jobs, `searches` by SageMaker's own tuning, `serves` endpoints."""

    trains: bool = False
    searches: bool = False
    serves: Deployment | None = None


@dataclass(frozen=True)
class Account:
    """Where it does so. `makes_bucket`: the default one, which is made when it is not there."""

    partition: str
    region: str
    number: str
    bucket: str
    prefix: str
    role_arn: str
    makes_bucket: bool = False
    kms_key: str | None = None
    in_vpc: bool = False

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{resource}"

    @property
    def bucket_arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def files(self) -> str:
        """Everything below the prefix."""
        return f"{self.bucket_arn}/{self.prefix}/*"


@dataclass(frozen=True)
class Row:
    """Actions on resources."""

    actions: Sequence[str]
    resources: Sequence[str]
    condition: Policy | None = None

    def statement(self) -> Policy:
        condition = {"Condition": self.condition} if self.condition else {}
        return {"Effect": "Allow", "Action": [*self.actions], "Resource": [*self.resources], **condition}


def caller_policy(account: Account, use: Use) -> Policy:
    """For whoever runs housing's commands."""
    rows = [*_of_every_command(account)]
    if use.trains:
        rows += _of_training(account, searches=use.searches)
    if use.serves:
        rows += _of_serving(account, use.serves)
    return _policy(rows)


def record_policy(arn: str) -> Policy:
    """For whoever keeps the record in SageMaker's managed MLflow of this ARN: a tracking server, or a serverless app.

    An app takes every call under one action of SageMaker's own, and checks those of MLflow as well.
    """
    own = ["sagemaker:CallMlflowAppApi"] if ":mlflow-app/" in arn else []
    return _policy([Row([*own, *(f"sagemaker-mlflow:{action}" for action in _OF_MLFLOW)], [arn])])


def role_policy(account: Account, use: Use) -> Policy:
    """For the role that jobs and endpoints take."""
    groups = [
        f"log-group:/aws/sagemaker/{kind}*"
        for kind, is_used in (
            ("TrainingJobs", use.trains),
            ("Endpoints/", use.serves is not None),
            ("TransformJobs", use.serves is not None),
        )
        if is_used
    ]
    rows = [
        Row(["s3:ListBucket"], [account.bucket_arn]),
        Row(["s3:GetObject", "s3:PutObject"], [account.files]),
        Row(
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [account.arn("logs", group) for group in groups],
        ),
        Row(
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/Endpoints"]}},
        ),
        Row(["ecr:GetAuthorizationToken"], ["*"]),
        # The images lie in accounts of AWS's own, one a region.
        Row(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [f"arn:{account.partition}:ecr:{account.region}:*:repository/sagemaker-*"],
        ),
    ]
    if account.kms_key:
        rows.append(Row(["kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"], [_key(account)]))
    if account.in_vpc:
        rows.append(
            Row(
                [
                    "ec2:CreateNetworkInterface",
                    "ec2:CreateNetworkInterfacePermission",
                    "ec2:DeleteNetworkInterface",
                    "ec2:DeleteNetworkInterfacePermission",
                    "ec2:DescribeDhcpOptions",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSecurityGroups",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeVpcs",
                ],
                ["*"],
            )
        )
    return _policy(rows)


def trust_policy() -> Policy:
    """Lets SageMaker take the role."""
    statement = {"Effect": "Allow", "Principal": {"Service": _SAGEMAKER}, "Action": "sts:AssumeRole"}
    return {"Version": _VERSION, "Statement": [statement]}


def merged(policies: Sequence[Policy]) -> Policy:
    """One policy that allows what each of them does; a statement that several have stands once."""
    statements: list[Policy] = []
    for policy in policies:
        statements += [statement for statement in policy["Statement"] if statement not in statements]
    return {"Version": _VERSION, "Statement": statements}


def _of_every_command(account: Account) -> Iterator[Row]:
    yield Row(["s3:ListBucket", *(["s3:CreateBucket"] if account.makes_bucket else [])], [account.bucket_arn])
    yield Row(["s3:GetObject", "s3:PutObject"], [account.files])
    if account.kms_key:
        yield Row(["kms:Decrypt", "kms:GenerateDataKey"], [_key(account)])
    yield Row(["iam:PassRole"], [account.role_arn], {"StringEquals": {"iam:PassedToService": _SAGEMAKER}})


def _of_training(account: Account, *, searches: bool) -> Iterator[Row]:
    # SageMaker writes the names of jobs in ARNs in small letters; a tuning job's name is the shorter one.
    short = account.prefix[:12].rstrip("-").lower()
    jobs = [account.arn("sagemaker", f"training-job/{short}*")]
    yield Row(
        [
            "sagemaker:AddTags",
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
        ],
        jobs,
    )
    yield Row(["sagemaker:ListTrainingJobs", "sagemaker:Search"], ["*"])
    yield Row(
        ["logs:DescribeLogStreams", "logs:GetLogEvents"],
        [account.arn("logs", "log-group:/aws/sagemaker/TrainingJobs:*")],
    )
    if searches:
        yield Row(
            [
                "sagemaker:AddTags",
                "sagemaker:CreateHyperParameterTuningJob",
                "sagemaker:DescribeHyperParameterTuningJob",
                "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
                "sagemaker:StopHyperParameterTuningJob",
            ],
            [account.arn("sagemaker", f"hyper-parameter-tuning-job/{short}*")],
        )


def _of_serving(account: Account, deployment: Deployment) -> Iterator[Row]:
    endpoint = deployment.endpoint
    endpoints, configs, models = (
        [account.arn("sagemaker", f"{kind}/{name}") for name in dict.fromkeys((name, name.lower()))]
        for kind, name in (
            ("endpoint", endpoint),
            ("endpoint-config", f"{stem(endpoint)}-*"),
            ("model", f"{stem(endpoint)}-*"),
        )
    )
    folders = [f"{account.bucket_arn}/{account.prefix}/{name}" for name in (f"endpoints/{endpoint}/*", "locks/*")]
    yield Row(["s3:DeleteObject"], folders)
    yield Row(
        [
            "sagemaker:CreateEndpoint",
            "sagemaker:DeleteEndpoint",
            "sagemaker:DescribeEndpoint",
            "sagemaker:InvokeEndpointAsync" if deployment.asynchronous else "sagemaker:InvokeEndpoint",
            "sagemaker:UpdateEndpoint",
            "sagemaker:UpdateEndpointWeightsAndCapacities",
        ],
        endpoints,
    )
    # Making or updating an endpoint is an action on its configuration, too.
    yield Row(
        [
            "sagemaker:CreateEndpoint",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:DeleteEndpointConfig",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:UpdateEndpoint",
        ],
        configs,
    )
    yield Row(["sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:DescribeModel"], models)
    yield Row(["sagemaker:AddTags", "sagemaker:ListTags"], [*endpoints, *configs, *models])
    yield Row(["sagemaker:ListEndpointConfigs", "sagemaker:ListModels"], ["*"])
    yield Row(
        ["sagemaker:AddTags", "sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob"],
        [account.arn("sagemaker", f"transform-job/{account.prefix.lower()}-*")],
    )
    yield Row(
        ["application-autoscaling:DescribeScalableTargets", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"],
        ["*"],
    )
    yield Row(["logs:FilterLogEvents"], [account.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{endpoint}:*")])
    if any(variant.autoscaling for variant in deployment.variants.values()):
        yield from _of_scaling(account)
    if deployment.update.alarms:
        yield Row(
            [
                "cloudwatch:DeleteAlarms",
                "cloudwatch:ListTagsForResource",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
            ],
            [account.arn("cloudwatch", f"alarm:{endpoint}/*")],
        )


def _of_scaling(account: Account) -> Iterator[Row]:
    yield Row(["application-autoscaling:DescribeScalingPolicies"], ["*"])
    yield Row(
        [
            "application-autoscaling:DeregisterScalableTarget",
            "application-autoscaling:PutScalingPolicy",
            "application-autoscaling:RegisterScalableTarget",
        ],
        [account.arn("application-autoscaling", "scalable-target/*")],
        {"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
    )
    # The role under which an account's endpoints scale comes into being with the first of them.
    role = f"role/aws-service-role/{_SCALING}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    yield Row(
        ["iam:CreateServiceLinkedRole"],
        [f"arn:{account.partition}:iam::{account.number}:{role}"],
        {"StringLike": {"iam:AWSServiceName": _SCALING}},
    )


def _key(account: Account) -> str:
    key = str(account.kms_key)
    return key if key.startswith("arn:") else account.arn("kms", key if key.startswith("alias/") else f"key/{key}")


def _policy(rows: Sequence[Row]) -> Policy:
    return {"Version": _VERSION, "Statement": [row.statement() for row in rows if row.resources]}
