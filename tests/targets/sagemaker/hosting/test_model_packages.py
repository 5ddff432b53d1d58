"""A promoted version in SageMaker's model registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from housing.targets.base import PromotedVersion
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.targets.sagemaker.settings import Settings
from housing.testing.host import GOOD, OTHER
from tests.rehearsal.conftest import ROLE, Served
from tests.targets.sagemaker.conftest import settings_of

PROMOTED = PromotedVersion(GOOD, "digest", "run", "raw", {"test_mae": 15_000.25}, False, "it passed the gate")


def test_a_version_is_one_package_which_is_approved_once_it_is_the_champion(
    rehearsal: Served, models: Mapping[str, Path]
) -> None:
    host, client = SageMakerHost(settings_of(rehearsal, model_package_group="Houses")), rehearsal.client("sagemaker")
    waiting = host.register(PROMOTED, models[GOOD])
    assert client.describe_model_package(ModelPackageName=waiting)["ModelApprovalStatus"] == "PendingManualApproval"
    approved = host.register(replace(PROMOTED, is_approved=True), models[GOOD])
    assert approved == waiting == host.register(PROMOTED, models[GOOD])
    described = client.describe_model_package(ModelPackageName=approved)
    assert described["ModelApprovalStatus"] == "Approved"
    about = described["CustomerMetadataProperties"]
    assert about == {"housing:model": GOOD, "housing:digest": "digest", "housing:run": "run", "test_mae": "15000.25"}

    other = host.register(replace(PROMOTED, uri=OTHER, digest="other", is_approved=True), models[OTHER])
    assert other.endswith("/2")
    primary = {"ModelPackageName": other}
    client.create_model(ModelName="of-a-package", ExecutionRoleArn=ROLE, PrimaryContainer=primary)
    assert client.describe_model(ModelName="of-a-package")["PrimaryContainer"]["ModelPackageName"] == other


def test_a_group_is_called_as_sagemaker_calls_them() -> None:
    with pytest.raises(ValueError, match="model_package_group: must be 1 to 63 letters"):
        Settings(model_package_group="my group")
