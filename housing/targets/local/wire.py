"""Deployments and actions as JSON values and back, between a command, the server and its files.

Reading raises KeyError, TypeError or ValueError on a value that this module did not write.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from housing.deployment.plan import (
    Action,
    CreateEndpoint,
    DeleteEndpoint,
    ReplaceVariants,
    SetUpdate,
    SetWeightsAndCapacities,
    StartScaling,
    StopScaling,
)
from housing.deployment.spec import (
    Alarm,
    Asynchronous,
    Autoscaling,
    Capture,
    Deployment,
    Serverless,
    Update,
    Variant,
)

_ACTIONS: dict[str, Callable[..., Action]] = {
    kind.__name__: kind
    for kind in (
        CreateEndpoint,
        ReplaceVariants,
        SetUpdate,
        SetWeightsAndCapacities,
        StartScaling,
        StopScaling,
        DeleteEndpoint,
    )
}


def deployment(value: Mapping[str, Any]) -> Deployment:
    return Deployment(**_parts(value))


def from_action(action: Action) -> dict[str, Any]:
    return {"action": type(action).__name__, **asdict(action)}


def action(value: Mapping[str, Any]) -> Action:
    fields = _parts(value)
    return _ACTIONS[fields.pop("action")](**fields)


_KINDS: dict[str, Callable[..., object]] = {
    "deployment": Deployment,
    "autoscaling": Autoscaling,
    "serverless": Serverless,
    "capture": Capture,
    "asynchronous": Asynchronous,
    "update": Update,
}
_ENTRIES: dict[str, Callable[..., object]] = {"variants": Variant, "alarms": Alarm}


def _parts(value: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one object: nested objects are built first, and JSON's lists become tuples."""
    return {key: _part(key, part) for key, part in value.items()}


def _part(key: str, value: Any) -> Any:
    if value is not None and key in _KINDS:
        return _KINDS[key](**_parts(value))
    if key in _ENTRIES:
        return {name: _ENTRIES[key](**_parts(entry)) for name, entry in value.items()}
    return tuple(value) if isinstance(value, list) else value
