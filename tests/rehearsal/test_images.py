from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from housing.rehearsal.images import framework_of
from housing.rehearsal.responses import ApiError


def _known_to_the_sdk(framework: str) -> dict[str, Any]:
    folder = Path(str(metadata.distribution("sagemaker-core").locate_file("sagemaker/core/image_uri_config")))
    known: dict[str, Any] = json.loads((folder / f"{framework}.json").read_text(encoding="utf-8"))
    versions: dict[str, Any] = known["training"]["versions"]
    return versions


def _uri(account: str, region: str, image: str) -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com/{image}"


@pytest.mark.parametrize(
    ("framework", "image"),
    [("xgboost", "sagemaker-xgboost:3.2-0"), ("sklearn", "sagemaker-scikit-learn:1.4-2-cpu-py3")],
)
def test_images_lie_where_the_sdk_finds_them(framework: str, image: str) -> None:
    versions = _known_to_the_sdk(framework)
    for region, account in versions[image.partition(":")[2].removesuffix("-cpu-py3")]["registries"].items():
        assert framework_of(_uri(account, region, image), region) == framework


def test_every_version_of_the_sdk_is_known_and_older_ones_of_xgboost_are_not_run() -> None:
    account = "683313688378"
    for version in _known_to_the_sdk("sklearn"):
        assert framework_of(_uri(account, "us-east-1", f"sagemaker-scikit-learn:{version}"), "us-east-1") == "sklearn"
    for version in set(_known_to_the_sdk("xgboost")) - {"1", "3.2-0"}:
        with pytest.raises(ApiError, match="is not supported by the rehearsal"):
            framework_of(_uri(account, "us-east-1", f"sagemaker-xgboost:{version}"), "us-east-1")


@pytest.mark.parametrize(
    ("uri", "region", "why"),
    [
        (_uri("683313688378", "us-east-1", "own:1"), "us-east-1", "has no Docker"),
        (_uri("683313688378", "us-east-1", "sagemaker-xgboost:3.2-0"), "us-west-2", "lies in us-east-1"),
        (_uri("683313688378", "xx-west-9", "sagemaker-xgboost:3.2-0"), "xx-west-9", "no xgboost image in xx-west-9"),
        (_uri("246618743249", "us-east-1", "sagemaker-xgboost:3.2-0"), "us-east-1", "Cannot find repository"),
        (_uri("683313688378", "us-east-1", "sagemaker-xgboost:9.9-9"), "us-east-1", "The tag 9.9-9 of"),
        (_uri("683313688378", "us-east-1", "sagemaker-xgboost"), "us-east-1", "The tag latest of"),
    ],
)
def test_what_is_not_there_is_refused(uri: str, region: str, why: str) -> None:
    with pytest.raises(ApiError, match=why):
        framework_of(uri, region)
