"""The least privileges: one table, from which IAM policies are written.

Each row of the table is there because of a call that is made; a test compares the two. Rows that only some experiments
need say which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from housing.deployment.spec import Deployment
from housing.targets.sagemaker.allowed_actions import (
    SERVICE,
    Account,
    Policy,
    Row,
    key_arn,
    of_every_command,
    of_registering,
    of_serving,
    of_training,
)

__all__ = ["Account", "Policy", "Use", "caller_policy", "merged", "record_policy", "role_policy", "trust_policy"]

_VERSION = "2012-10-17"

# MlflowClient's calls to a record; those about logged models create registered models.
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
    """What an experiment does at SageMaker: `trains` jobs, `searches` by its own tuning, `serves` endpoints."""

    trains: bool = False
    searches: bool = False
    serves: Deployment | None = None


def caller_policy(account: Account, use: Use) -> Policy:
    """For users who run housing's commands."""
    rows = [*of_every_command(account)]
    if use.trains:
        rows += of_training(account, searches=use.searches)
    if use.serves:
        rows += of_serving(account, use.serves)
        if account.model_package_group:
            rows += of_registering(account, account.model_package_group)
    return _policy(rows)


def record_policy(arn: str) -> Policy:
    """For users whose record is in SageMaker's managed MLflow of this ARN: a tracking server, or a serverless app.

    An app requires one action of SageMaker for every call, and also checks MLflow's actions.
    """
    own = ["sagemaker:CallMlflowAppApi"] if ":mlflow-app/" in arn else []
    return _policy([Row([*own, *(f"sagemaker-mlflow:{action}" for action in _OF_MLFLOW)], [arn])])


def role_policy(account: Account, use: Use) -> Policy:
    """For the role that jobs and endpoints assume."""
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
        # AWS publishes the images in its own accounts, one per region.
        Row(
            ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            [f"arn:{account.partition}:ecr:{account.region}:*:repository/sagemaker-*"],
        ),
    ]
    if account.kms_key:
        rows.append(Row(["kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"], [key_arn(account)]))
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
    """Lets SageMaker assume the role."""
    statement = {"Effect": "Allow", "Principal": {"Service": SERVICE}, "Action": "sts:AssumeRole"}
    return {"Version": _VERSION, "Statement": [statement]}


def merged(policies: Sequence[Policy]) -> Policy:
    """One policy that allows what any of them allows, without repeated statements."""
    statements: list[Policy] = []
    for policy in policies:
        statements += [statement for statement in policy["Statement"] if statement not in statements]
    return {"Version": _VERSION, "Statement": statements}


def _policy(rows: Sequence[Row]) -> Policy:
    return {"Version": _VERSION, "Statement": [row.statement() for row in rows if row.resources]}
