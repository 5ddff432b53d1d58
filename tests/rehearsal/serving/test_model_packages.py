"""The model registry: versions of a group, their approval, and models that are made of them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.conftest import ROLE, Served
from tests.rehearsal.serving.shop import BUCKET, XGBOOST, Shop, archive, constant, variant


@pytest.fixture(scope="module")
def shop(rehearsal: Served) -> Shop:
    return Shop(rehearsal)


def _specification(shop: Shop, value: float) -> dict[str, Any]:
    address = shop.put(archive({"xgboost-model": constant(value)}), f"{shop.name('package')}/model.tar.gz")
    container = {"Image": XGBOOST, "ModelDataUrl": address}
    return {
        "Containers": [container],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


def _group(shop: Shop) -> str:
    name = shop.name("group")
    shop.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    return name


def test_an_approved_version_is_served(shop: Shop) -> None:
    client, group = shop.sagemaker, _group(shop)
    arns = [
        client.create_model_package(ModelPackageGroupName=group, InferenceSpecification=_specification(shop, value))[
            "ModelPackageArn"
        ]
        for value in (3.0, 4.0)
    ]
    assert [arn.rpartition(":")[2] for arn in arns] == [f"model-package/{group}/{n}" for n in (1, 2)]
    model = {
        "ModelName": shop.name("model"),
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {"ModelPackageName": arns[1]},
    }
    with pytest.raises(ClientError, match="is not approved for deployment: it is PendingManualApproval"):
        client.create_model(**model)
    client.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved", ApprovalDescription="good")
    about = client.describe_model_package(ModelPackageName=arns[1])
    assert (about["ModelPackageVersion"], about["ModelApprovalStatus"], about["ApprovalDescription"]) == (
        *(2, "Approved"),
        "good",
    )
    client.create_model(**model)
    endpoint = shop.endpoint(variant(model["ModelName"]))
    assert shop.invoke(endpoint)[0] == 4.0

    oldest_first = client.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert [each["ModelPackageArn"] for each in oldest_first] == arns
    listed = client.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")
    assert [each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"]] == [arns[1]]


def test_versions_outlive_a_restart_and_a_group_goes_after_them(shop: Shop) -> None:
    client, group = shop.sagemaker, _group(shop)
    arn = client.create_model_package(ModelPackageGroupName=group, InferenceSpecification=_specification(shop, 1.0))[
        "ModelPackageArn"
    ]
    client.add_tags(ResourceArn=arn, Tags=[{"Key": "who", "Value": "me"}])
    with pytest.raises(ClientError, match="cannot be deleted: it has model packages"):
        client.delete_model_package_group(ModelPackageGroupName=group)
    shop.served.restart()
    client = shop.served.client("sagemaker")
    assert client.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "who", "Value": "me"}]
    client.delete_model_package(ModelPackageName=arn)
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_model_package(ModelPackageName=arn)
    client.delete_model_package_group(ModelPackageGroupName=group)
    groups = client.list_model_package_groups()["ModelPackageGroupSummaryList"]
    assert group not in [each["ModelPackageGroupName"] for each in groups]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ModelPackageGroupName": "no-such-group"}, "does not exist"),
        ({"InferenceSpecification": None}, "InferenceSpecification is required"),
        ({"ModelPackageName": "both"}, "Exactly one of ModelPackageName and ModelPackageGroupName"),
        ({"InferenceSpecification": {"Containers": [{"Image": "own:1"}]}}, "it has no Docker"),
        (
            {"InferenceSpecification": {"Containers": [{"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/none"}]}},
            "Could not find model data at",
        ),
    ],
)
def test_what_cannot_be_registered_is_refused(rehearsal: Served, members: dict[str, Any], words: str) -> None:
    shop = Shop(rehearsal)
    request = {"ModelPackageGroupName": _group(shop), "InferenceSpecification": _specification(shop, 1.0)} | members
    with pytest.raises(ClientError, match=words):
        shop.sagemaker.create_model_package(**{k: v for k, v in request.items() if v is not None})
