"""AddTags, ListTags, DeleteTags: for everything that has an ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from housing.rehearsal.api.listing import page
from housing.rehearsal.responses import refused

if TYPE_CHECKING:
    from housing.rehearsal.context import Context

_MOST = 50


def add_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    kind, name = _tagged(context, request["ResourceArn"])
    with context.store.edit(kind, name) as record:
        tags = record["_tags"] | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        if len(tags) > _MOST:
            raise refused(f"{request['ResourceArn']} would have {len(tags)} tags; the limit is {_MOST}")
        record["_tags"] = tags
    return {"Tags": listed(tags)}


def list_tags(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    kind, name = _tagged(context, request["ResourceArn"])
    tags, token = page(listed(context.store.get(kind, name)["_tags"]), request, default=50)
    return {"Tags": tags, "NextToken": token}


def delete_tags(context: Context, request: dict[str, Any]) -> None:
    kind, name = _tagged(context, request["ResourceArn"])
    with context.store.edit(kind, name) as record:
        record["_tags"] = {k: v for k, v in record["_tags"].items() if k not in request["TagKeys"]}


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the API writes them: a list of keys and values."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _tagged(context: Context, arn: str) -> tuple[str, str]:
    found = context.store.by_arn(arn)
    if found is None:
        raise refused(f"Could not find resource {arn}.")
    return found


OPERATIONS = {
    "AddTags": add_tags,
    "ListTags": list_tags,
    "DeleteTags": delete_tags,
}
