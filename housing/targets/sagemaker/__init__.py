"""Train and serve on Amazon SageMaker."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from housing.targets.base import Host, Runner

_LONGEST_RUN_S = 28 * 24 * 3600
_PREFIX = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")


RUNS_IMAGES = True
"""Whether jobs may be container images of the user's own."""


@dataclass(frozen=True)
class Vpc:
    """Ids of the subnets and security groups that jobs and endpoints work in."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True)
class Spot:
    """Spare capacity: cheaper, and taken back at any time.

    A job may wait for it until `max_wait_s` seconds after its start, training included. With `checkpoints` it goes on
    where it was interrupted; without them it begins anew, which `lose_work` must accept as well.
    """

    enabled: bool = False
    max_wait_s: int = 7200
    checkpoints: bool = True
    lose_work: bool = False

    def __post_init__(self) -> None:
        if self.enabled and not self.checkpoints and not self.lose_work:
            raise ValueError(
                "checkpoints: spot without checkpoints pays again for what an interruption has undone; "
                "keep them, or say so twice: lose_work=true"
            )


@dataclass(frozen=True)
class Settings:
    """An account's places and machines. What is null comes from the usual AWS environment, or has a default there.

    `role_arn` null: the environment's SAGEMAKER_ROLE_ARN. `bucket` null: `sagemaker-<region>-<account>`, made when it
    is not there. All objects lie below `prefix`, and jobs are called `<prefix>-<UTC>`. `image_version` is that of
    SageMaker's XGBoost image; one older than the XGBoost that models are made with reads them wrongly and is refused.
    A job may run for `max_run_s` seconds; `poll_s` is how often it is looked at.
    """

    name: Literal["sagemaker"] = "sagemaker"
    region: str | None = None
    role_arn: str | None = None
    bucket: str | None = None
    prefix: str = "housing"
    kms_key: str | None = None
    vpc: Vpc | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    endpoint_url: str | None = None
    image_version: str = "3.2-0"
    instance_type: str = "ml.m5.2xlarge"
    instance_count: int = 1
    volume_gb: int = 5
    max_run_s: int = 3600
    spot: Spot = field(default_factory=Spot)
    poll_s: float = 5

    def __post_init__(self) -> None:
        faults = [
            f"{key}: must be {least} or more, got {value}"
            for key, least in (("instance_count", 1), ("volume_gb", 1), ("max_run_s", 1))
            if (value := getattr(self, key)) < least
        ]
        if self.max_run_s > _LONGEST_RUN_S:
            faults.append(f"max_run_s: SageMaker runs a job for {_LONGEST_RUN_S} seconds at most, got {self.max_run_s}")
        if not self.poll_s > 0:
            faults.append(f"poll_s: must be more than 0, got {self.poll_s}")
        if not _PREFIX.fullmatch(self.prefix):
            faults.append(f"prefix: must be 1 to 32 letters, digits and inner hyphens, got {self.prefix!r}")
        if self.spot.enabled and self.spot.max_wait_s < self.max_run_s:
            faults.append(f"spot.max_wait_s: must be max_run_s ({self.max_run_s}) or more, got {self.spot.max_wait_s}")
        if faults:
            raise ValueError("; ".join(faults))


def policies(uses: Sequence[tuple[Settings, Mapping[str, Any]]]) -> Mapping[str, Any]:
    """IAM policies: of the `caller`, of the `role`, and its `trust`. A use is the fields of `policy.Use`."""
    from housing.targets.sagemaker import permissions
    from housing.targets.sagemaker.policy import Use

    return permissions.policies([(settings, Use(**use)) for settings, use in uses])


def open_runner(settings: Settings) -> Runner:
    from housing.targets.sagemaker.training.runner import SageMakerRunner

    return SageMakerRunner(settings)


def open_host(settings: Settings) -> Host:
    from housing.targets.sagemaker.hosting.host import SageMakerHost

    return SageMakerHost(settings)
