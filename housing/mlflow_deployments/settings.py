"""`-C key=value` of MLflow's command line -> a deployment as conf/ would hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from housing.deployment.spec import Deployment, Variant
from housing.errors import ConfigError

OF_VARIANTS = tuple(field.name for field in fields(Variant) if field.name != "model")
OF_ENDPOINTS = tuple(field.name for field in fields(Deployment) if field.name not in ("endpoint", "variants"))


def changed(wanted: dict[str, Any], variant: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`wanted` with settings of the variant and of the endpoint applied; without `variant`, of the endpoint only."""
    for key, value in settings.items():
        first, *_ = key.split(".")
        if first in OF_ENDPOINTS:
            place = wanted
        elif variant is not None and first in OF_VARIANTS:
            place = wanted["variants"][variant]
        else:
            known = (*OF_VARIANTS, *OF_ENDPOINTS) if variant is not None else OF_ENDPOINTS
            raise ConfigError(f"-C {key}: no such setting; available: {', '.join(known)}")
        *above, last = key.split(".")
        for name in above:
            place[name] = dict(place.get(name) or {})
            place = place[name]
        place[last] = _value(value)
    return wanted


def _value(value: Any) -> Any:
    """A number, true, false or null that came as text from a command line; other text stays as it is."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def plain(deployment: Deployment) -> dict[str, Any]:
    """A deployment as the mapping that conf/ would have."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(deployment)))
    return plain
