"""AddTags, ListTags, DeleteTags: for everything that has an ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from housing.rehearsal.answers import refused
from housing.rehearsal.api.listing import page
from housing.rehearsal.api.operations import operation

if TYPE_CHECKING:
    from housing.rehearsal.world import World

_MOST = 50


@operation("AddTags")
def add_tags(world: World, request: dict[str, Any]) -> dict[str, Any]:
    kind, name = _tagged(world, request["ResourceArn"])
    with world.store.edit(kind, name) as record:
        tags = record["_tags"] | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(tags) > _MOST:
            raise refused(f"{request['ResourceArn']} would have {len(tags)} tags; the limit is {_MOST}")
        record["_tags"] = tags
    return {"Tags": listed(tags)}


@operation("ListTags")
def list_tags(world: World, request: dict[str, Any]) -> dict[str, Any]:
    kind, name = _tagged(world, request["ResourceArn"])
    tags, token = page(listed(world.store.get(kind, name)["_tags"]), request, default=50)
    return {"Tags": tags, "NextToken": token}


@operation("DeleteTags")
def delete_tags(world: World, request: dict[str, Any]) -> None:
    kind, name = _tagged(world, request["ResourceArn"])
    with world.store.edit(kind, name) as record:
        record["_tags"] = {k: v for k, v in record["_tags"].items() if k not in request["TagKeys"]}


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API writes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _tagged(world: World, arn: str) -> tuple[str, str]:
    found = world.store.by_arn(arn)
    if found is None:
        raise refused(f"Could not find resource {arn}.")
    return found
