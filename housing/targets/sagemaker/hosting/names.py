"""Names, tags and keys of what an endpoint is made of, by which ours are recognised."""

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
    """What the names of an endpoint's configurations and models begin with."""
    return endpoint[:_LONGEST_STEM].rstrip("-")


def content_name(endpoint: str, content: Mapping[str, Any]) -> str:
    """A name for something of this content: the same again is the same name, so that nothing is made twice."""
    text = json.dumps([endpoint, content], sort_keys=True)
    return f"{stem(endpoint)}-{hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"


def tags(own: Mapping[str, str]) -> list[dict[str, str]]:
    """As SageMaker's requests have them."""
    return [{"Key": key, "Value": value} for key, value in own.items()]


def of_tags(answer: list[dict[str, str]]) -> dict[str, str]:
    """The reverse of `tags`."""
    return {tag["Key"]: tag["Value"] for tag in answer}


def endpoint_key(prefix: str, endpoint: str, *parts: str) -> str:
    """A key in the bucket below the endpoint's own folder, which is there before and after everything else of it."""
    return "/".join((prefix, "endpoints", endpoint, *parts))


def variant_resource(endpoint: str, variant: str) -> str:
    """The id of a variant in Application Auto Scaling."""
    return f"endpoint/{endpoint}/variant/{variant}"
