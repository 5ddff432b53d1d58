"""The images that jobs and endpoints can run: SageMaker's own for XGBoost and scikit-learn, without Docker."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from housing.rehearsal.answers import refused
from housing.rehearsal.container.inference import Framework

XGBOOST_VERSION = "3.2-0"
_URI = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::(.+))?")
_REPOSITORIES: dict[str, Framework] = {"sagemaker-xgboost": "xgboost", "sagemaker-scikit-learn": "sklearn"}


def framework_of(uri: str, region: str) -> Framework:
    """Whose image it is. ApiError when AWS has no such image in this region, or the rehearsal cannot run it."""
    match = _URI.fullmatch(uri)
    if not match or match[3] not in _REPOSITORIES:
        raise refused(
            f"The rehearsal cannot run the image {uri}: it has no Docker, and stands in for sagemaker-xgboost and "
            "sagemaker-scikit-learn alone. An image of your own trains on AWS only."
        )
    account, there, repository, tag = match.groups()
    if there != region:
        raise refused(f"The image {uri} lies in {there}; a job in {region} cannot use it.")
    framework = _REPOSITORIES[repository]
    version, known = _version(framework, tag or "latest", region)
    if account != known:
        raise refused(
            f"Cannot find repository: {repository} in registry ID: {account}. Please check if your ECR repository "
            f"exists; in {region} it is that of {known}."
        )
    if framework == "xgboost" and version != XGBOOST_VERSION:
        raise refused(
            f"The image {uri} is not supported by the rehearsal: it trains as {XGBOOST_VERSION} does, and an older "
            "one would give other models."
        )
    return framework


def _version(framework: Framework, tag: str, region: str) -> tuple[str, str]:
    """A tag's version, and the account that has it in the region."""
    for version, about in sorted(_catalogue(framework).items(), key=lambda item: -len(item[0])):
        if (tag == version or tag.startswith(f"{version}-")) and region in about["registries"]:
            return version, about["registries"][region]
    raise refused(f"The tag {tag} of SageMaker's {framework} image does not exist in {region}.")


@cache
def _catalogue(framework: Framework) -> dict[str, Any]:
    """Versions and registries as the SDK ships them, read without importing it."""
    path = Path(str(metadata.distribution("sagemaker-core").locate_file("sagemaker/core/image_uri_config")))
    versions: dict[str, Any] = json.loads((path / f"{framework}.json").read_text(encoding="utf-8"))["training"][
        "versions"
    ]
    return versions
