"""The kinds of SageMaker resources, and AWS's messages when one exists already or is missing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.responses import ApiError

UNFINISHED = ("InProgress", "Stopping")
"""The statuses of a job that has not ended, whatever its kind."""


@dataclass(frozen=True)
class Kind:
    """`name` is used in ARNs and folders, `shape` is the prefix of its members in the API.

    `missing` is AWS's message for one that does not exist, `taken` for a name in use; both may contain `{arn}`.
    """

    name: str
    shape: str
    missing: str
    taken: str
    missing_code: str = "ValidationException"
    taken_code: str = "ValidationException"
    case_counts: bool = True  # in new names; if False, `A` is taken once there is `a`

    @property
    def name_member(self) -> str:
        return f"{self.shape}Name"

    @property
    def arn_member(self) -> str:
        return f"{self.shape}Arn"

    @property
    def status_member(self) -> str:
        return f"{self.shape}Status"

    def not_found(self, arn: str) -> ApiError:
        return ApiError(self.missing_code, self.missing.format(arn=arn, name=arn.rpartition("/")[2]))

    def exists(self, arn: str) -> ApiError:
        return ApiError(self.taken_code, self.taken.format(arn=arn, name=arn.rpartition("/")[2]))


def _job(name: str, shape: str, *, missing: str, missing_code: str, noun: str, case_counts: bool = True) -> Kind:
    taken = (
        f"Job name must be unique within an AWS account and region, and a {noun} job with this name already exists "
        "({arn})"
    )
    return Kind(name, shape, missing, taken, missing_code, "ResourceInUse", case_counts)


def _thing(name: str, shape: str, noun: str) -> Kind:
    return Kind(name, shape, f'Could not find {noun} "{{arn}}".', f'Cannot create already existing {noun} "{{arn}}".')


KINDS = {
    kind.name: kind
    for kind in (
        _job(
            "training-job",
            "TrainingJob",
            missing="Requested resource not found.",
            missing_code="ValidationException",
            noun="training",
        ),
        _job(
            "hyper-parameter-tuning-job",
            "HyperParameterTuningJob",
            missing="Amazon SageMaker can't find a tuning job with name {name}.",
            missing_code="ResourceNotFound",
            noun="tuning",
            case_counts=False,
        ),
        _job(
            "transform-job",
            "TransformJob",
            missing="Could not find requested job with name: {name}",
            missing_code="ResourceNotFound",
            noun="transform",
        ),
        _thing("model", "Model", "model"),
        _thing("endpoint-config", "EndpointConfig", "endpoint configuration"),
        replace(_thing("endpoint", "Endpoint", "endpoint"), case_counts=False),
        Kind(
            "model-package-group",
            "ModelPackageGroup",
            "ModelPackageGroup {arn} does not exist.",
            "Model Package Group already exists: {arn}",
        ),
        Kind(
            "model-package",
            "ModelPackage",
            "ModelPackage {arn} does not exist.",
            "Model Package already exists: {arn}",
        ),
        Kind(
            "mlflow-tracking-server",
            "TrackingServer",
            "MLflow Tracking Server with name {name} does not exist.",
            "MLflow Tracking Server with name {name} already exists.",
            "ResourceNotFound",
            "ConflictException",
        ),
        Kind("scaling-activity", "ScalingActivity", "There is no activity {name}.", "There is an activity {name}."),
    )
}


def arn(region: str, kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{region}:{ACCOUNT}:{kind}/{name}"
