"""What AWS refuses in any request, whatever it asks for: invalid tags, and roles of other accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from housing.rehearsal.account import ACCOUNT
from housing.rehearsal.responses import refused

_ROLES = ("RoleArn", "ExecutionRoleArn")


def check(request: Mapping[str, Any]) -> None:
    """Raises ApiError."""
    _check_tags([tag["Key"] for tag in request.get("Tags") or []])
    for member, role in _roles(request):
        if role.split(":")[4:5] != [ACCOUNT]:
            raise refused(f"{member}: Cross-account pass role is not allowed.")


def _check_tags(keys: list[str]) -> None:
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise refused(f"Tag keys must be unique, got more than once: {', '.join(twice)}.")
    if any(key.lower().startswith("aws:") for key in keys):
        raise refused("aws: prefixed tag key names are not allowed for external use.")


def _roles(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for member, value in request.items():
        if member in _ROLES and isinstance(value, str):
            yield member, value
        elif isinstance(value, dict) and member.endswith("Definition"):
            yield from _roles(value)
