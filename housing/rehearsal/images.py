"""The images that jobs and endpoints can run: SageMaker's own for XGBoost and scikit-learn, without Docker."""

from __future__ import annotations

import re

from housing.rehearsal.container.inference import Framework
from housing.rehearsal.responses import refused

XGBOOST_VERSION = "3.2-0"
_VERSIONS: dict[Framework, tuple[str, ...]] = {
    "xgboost": ("0.90-1", "0.90-2", "1.0-1", "1.2-1", "1.2-2", "1.3-1", "1.5-1", "1.7-1", "3.0-5", "3.2-0"),
    "sklearn": ("0.20.0", "0.23-1", "1.0-1", "1.2-1", "1.4-2", "1.4-2-py312", "1.9-0"),
}
# The account that publishes both in each region.
# fmt: off
_REGISTRIES = {
    "af-south-1": "510948584623", "ap-east-1": "651117190479", "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698", "ap-northeast-3": "867004704886", "ap-south-1": "720646828776",
    "ap-south-2": "628508329040", "ap-southeast-1": "121021644041", "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941", "ap-southeast-4": "106583098589", "ca-central-1": "341280168497",
    "ca-west-1": "190319476487", "cn-north-1": "450853457545", "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770", "eu-central-2": "680994064768", "eu-north-1": "662702820516",
    "eu-south-1": "978288397137", "eu-south-2": "104374241257", "eu-west-1": "141502667606",
    "eu-west-2": "764974769150", "eu-west-3": "659782779980", "il-central-1": "898809789911",
    "me-central-1": "272398656194", "me-south-1": "801668240914", "sa-east-1": "737474898029",
    "us-east-1": "683313688378", "us-east-2": "257758044811", "us-gov-east-1": "237065988967",
    "us-gov-west-1": "414596584902", "us-iso-east-1": "833128469047", "us-isob-east-1": "281123927165",
    "us-isof-east-1": "108575199400", "us-isof-south-1": "124985052026", "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
# fmt: on
_URI = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)(?::(.+))?")
_REPOSITORIES: dict[str, Framework] = {"sagemaker-xgboost": "xgboost", "sagemaker-scikit-learn": "sklearn"}


def framework_of(uri: str, region: str) -> Framework:
    """The framework of an image. ApiError when AWS does not have it in this region, or the rehearsal cannot run it."""
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
    if region not in _REGISTRIES:
        raise refused(f"SageMaker has no {framework} image in {region}.")
    version, known = _check_tag(framework, tag or "latest", region), _REGISTRIES[region]
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


def _check_tag(framework: Framework, tag: str, region: str) -> str:
    """The version that a tag names, such as `3.2-0` of `3.2-0-cpu-py3`. ApiError when there is none."""
    for version in sorted(_VERSIONS[framework], key=len, reverse=True):
        if tag == version or tag.startswith(f"{version}-"):
            return version
    raise refused(f"The tag {tag} of SageMaker's {framework} image does not exist in {region}.")
