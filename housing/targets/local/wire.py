"""Deployments and actions as JSON values and back, between a command, the server and its files.

Reading raises KeyError, TypeError or ValueError on a value that this module did not write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from housing.deployment.plan import (
    Action,
    CreateEndpoint,
    DeleteEndpoint,
    ReplaceVariants,
    SetWeightsAndCapacities,
    StartScaling,
    StopScaling,
)
from housing.deployment.spec import Autoscaling, Deployment, Variant

_ACTIONS = {
    kind.__name__: kind
    for kind in (CreateEndpoint, ReplaceVariants, SetWeightsAndCapacities, StartScaling, StopScaling, DeleteEndpoint)
}


def deployment(value: Mapping[str, Any]) -> Deployment:
    return Deployment(value["endpoint"], _variants(value["variants"]))


def from_action(action: Action) -> dict[str, Any]:
    return {"action": type(action).__name__, **asdict(action)}


def action(value: Mapping[str, Any]) -> Action:
    fields = dict(value)
    kind = _ACTIONS[fields.pop("action")]
    if "variants" in fields:
        fields["variants"] = _variants(fields["variants"])
    if "autoscaling" in fields:
        fields["autoscaling"] = Autoscaling(**fields["autoscaling"])
    return kind(**fields)


def _variants(value: Mapping[str, Any]) -> dict[str, Variant]:
    return {name: _variant(variant) for name, variant in value.items()}


def _variant(value: Mapping[str, Any]) -> Variant:
    autoscaling = value["autoscaling"]
    return Variant(**{**value, "autoscaling": Autoscaling(**autoscaling) if autoscaling else None})
