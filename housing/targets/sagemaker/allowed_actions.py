"""The actions that a caller of housing needs permission for, and their resources: the rows of `policy`'s table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from housing.deployment.spec import Deployment
from housing.targets.sagemaker.hosting.names import stem

Policy = dict[str, Any]

SERVICE = "sagemaker.amazonaws.com"
_SCALING = "sagemaker.application-autoscaling.amazonaws.com"


@dataclass(frozen=True)
class Account:
    """The account and resource names. `makes_bucket`: it uses the default bucket, which is created if it is missing."""

    partition: str
    region: str
    number: str
    bucket: str
    prefix: str
    role_arn: str
    makes_bucket: bool = False
    kms_key: str | None = None
    in_vpc: bool = False
    model_package_group: str | None = None

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{resource}"

    @property
    def bucket_arn(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket}"

    @property
    def files(self) -> str:
        """The ARN of all objects below the prefix."""
        return f"{self.bucket_arn}/{self.prefix}/*"


@dataclass(frozen=True)
class Row:
    """A statement: actions on resources."""

    actions: Sequence[str]
    resources: Sequence[str]
    condition: Policy | None = None

    def statement(self) -> Policy:
        condition = {"Condition": self.condition} if self.condition else {}
        return {"Effect": "Allow", "Action": [*self.actions], "Resource": [*self.resources], **condition}


def of_every_command(account: Account) -> Iterator[Row]:
    yield Row(["s3:ListBucket", *(["s3:CreateBucket"] if account.makes_bucket else [])], [account.bucket_arn])
    yield Row(["s3:GetObject", "s3:PutObject"], [account.files])
    if account.kms_key:
        yield Row(["kms:Decrypt", "kms:GenerateDataKey"], [key_arn(account)])
    yield Row(["iam:PassRole"], [account.role_arn], {"StringEquals": {"iam:PassedToService": SERVICE}})


def of_training(account: Account, *, searches: bool) -> Iterator[Row]:
    # SageMaker writes the names of jobs in ARNs in lower case; tuning jobs have shorter names.
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


def of_serving(account: Account, deployment: Deployment) -> Iterator[Row]:
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
    # Creating or updating an endpoint also needs permission on its configuration.
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


def of_registering(account: Account, group: str) -> Iterator[Row]:
    groups = [account.arn("sagemaker", f"model-package-group/{name}") for name in dict.fromkeys((group, group.lower()))]
    packages = [account.arn("sagemaker", f"model-package/{name}/*") for name in dict.fromkeys((group, group.lower()))]
    yield Row(["sagemaker:AddTags", "sagemaker:CreateModelPackageGroup", "sagemaker:ListModelPackages"], groups)
    yield Row(
        ["sagemaker:CreateModelPackage", "sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"],
        [*groups, *packages],
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
    # The service-linked role for autoscaling is created with the account's first scaling endpoint.
    role = f"role/aws-service-role/{_SCALING}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    yield Row(
        ["iam:CreateServiceLinkedRole"],
        [f"arn:{account.partition}:iam::{account.number}:{role}"],
        {"StringLike": {"iam:AWSServiceName": _SCALING}},
    )


def key_arn(account: Account) -> str:
    key = str(account.kms_key)
    return key if key.startswith("arn:") else account.arn("kms", key if key.startswith("alias/") else f"key/{key}")
