"""The settings for SageMaker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

_LONGEST_RUN_S = 28 * 24 * 3600
_PREFIX = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)
_GROUP = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ADDRESS = re.compile(r"https?://[^\s/]+\S*")
_MOST_TAGS = 40
"""SageMaker allows 50; some are reserved for ours."""


@dataclass(frozen=True)
class Vpc:
    """Ids of the subnets and security groups in which jobs and endpoints run."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]

    def __post_init__(self) -> None:
        for key, start, most in (("subnets", "subnet-", 16), ("security_groups", "sg-", 5)):
            ids = getattr(self, key)
            if not 1 <= len(ids) <= most or not all(one.startswith(start) for one in ids):
                raise ValueError(f"{key}: must be 1 to {most} ids such as {start}0a1b2c3d, got {list(ids)}")


@dataclass(frozen=True)
class Spot:
    """Spare capacity: cheaper, but it may be taken back at any time.

    A job may wait for it until `max_wait_s` seconds after its start, training included. With `checkpoints` it resumes
    where it was interrupted; without them it starts over, which also requires `lose_work`.
    """

    enabled: bool = False
    max_wait_s: int = 7200
    checkpoints: bool = True
    lose_work: bool = False

    def __post_init__(self) -> None:
        if self.enabled and not self.checkpoints and not self.lose_work:
            raise ValueError(
                "checkpoints: spot without checkpoints pays again for what an interruption has undone; "
                "keep them, or confirm it: lose_work=true"
            )


@dataclass(frozen=True)
class Settings:
    """Account, region, storage and instances. Null values come from the usual AWS environment, or have defaults.

    `role_arn` null: the environment's SAGEMAKER_ROLE_ARN. `bucket` null: `sagemaker-<region>-<account>`, created if
    it is missing. All objects are below `prefix`, and jobs are named `<prefix>-<UTC>`. `image_version` is that of
    SageMaker's XGBoost image; one older than the XGBoost that models are made with reads them wrongly and is refused.
    A job may run for `max_run_s` seconds; it is polled every `poll_s` seconds. Promoted versions are also registered in
    `model_package_group` of SageMaker's model registry; null: only in MLflow's.
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
    model_package_group: str | None = None

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
        for key, form, expected in (
            ("region", _REGION, "a region such as us-east-1"),
            ("role_arn", _ROLE, "an ARN: arn:aws:iam::<account>:role/<name>"),
            ("bucket", _BUCKET, "a bucket's name: 3 to 63 small letters, digits, hyphens and dots, without s3://"),
            ("model_package_group", _GROUP, "1 to 63 letters, digits and inner hyphens"),
            ("endpoint_url", _ADDRESS, "an address: https://..., or http://... for one on this machine"),
        ):
            if (given := getattr(self, key)) is not None and not form.fullmatch(given):
                faults.append(f"{key}: must be {expected}, got {given!r}")
        faults += [
            f"tags: a key must not begin with {start}, which is {whose}, got {key!r}"
            for key in self.tags
            for start, whose in (("aws:", "Amazon's"), ("housing:", "ours"))
            if key.lower().startswith(start)
        ]
        if len(self.tags) > _MOST_TAGS:
            faults.append(f"tags: {_MOST_TAGS} at most, got {len(self.tags)}")
        if self.spot.enabled and self.spot.max_wait_s < self.max_run_s:
            faults.append(f"spot.max_wait_s: must be max_run_s ({self.max_run_s}) or more, got {self.spot.max_wait_s}")
        if faults:
            raise ValueError("; ".join(faults))
