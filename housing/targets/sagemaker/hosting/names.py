"""Names, tags and keys of an endpoint's resources, by which ours are recognised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

ENDPOINT_TAG = "housing:endpoint"
EXPERIMENT_TAG = "housing:experiment"

_LONGEST_STEM = 46  # of the 63 characters that SageMaker allows, a hyphen and the digest take 17
_DIGEST_CHARACTERS = 16


def stem(endpoint: str) -> str:
    """The prefix of the names of an endpoint's configurations and models."""
    return endpoint[:_LONGEST_STEM].rstrip("-")


def content_name(endpoint: str, content: Mapping[str, Any]) -> str:
    """A name that follows from the content, so that nothing is created twice."""
    text = json.dumps([endpoint, content], sort_keys=True)
    return f"{stem(endpoint)}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"


def tags(own: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form of SageMaker's requests."""
    return [{"Key": key, "Value": value} for key, value in own.items()]


def of_tags(answer: list[dict[str, str]]) -> dict[str, str]:
    """The reverse of `tags`."""
    return {tag["Key"]: tag["Value"] for tag in answer}


def endpoint_key(prefix: str, endpoint: str, *parts: str) -> str:
    """A key in the bucket below the endpoint's folder, which is created first and removed last."""
    return "/".join((prefix, "endpoints", endpoint, *parts))


def variant_resource(endpoint: str, variant: str) -> str:
    """The id of a variant in Application Auto Scaling."""
    return f"endpoint/{endpoint}/variant/{variant}"
