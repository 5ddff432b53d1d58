"""What can be answered at once, and by which model: the server tells it to its responders, as JSON."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from housing.targets.local.state import EndpointRecord, StateFolder


class Split:
    """Draws a variant for each request, by weights."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.names = list(weights)
        self._cumulative = list(itertools.accumulate(weights.values()))

    def draw(self) -> str:
        """Raises IndexError where there is none."""
        if len(self.names) == 1:
            return self.names[0]
        (variant,) = random.choices(self.names, cum_weights=self._cumulative)
        return variant


@dataclass(frozen=True)
class RoutedModel:
    """A variant's model: the folder of its files, the file of its tables, and the name of its version."""

    bundle: str
    tables: str
    model: str


@dataclass(frozen=True)
class Route:
    """One endpoint. `weights` name every variant that takes requests, `models` those that have tables.

    `counted_since_s` says which counts belong together, as `Endpoint` has it.
    """

    weights: Mapping[str, float]
    models: Mapping[str, RoutedModel]
    capture_percent: float
    counted_since_s: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Route:
        """As `to_json` wrote it."""
        models = {name: RoutedModel(**model) for name, model in value["models"].items()}
        return cls(**{**value, "models": models})


def route_of(record: EndpointRecord, folder: StateFolder, variants: Iterable[str], counted_since_s: float) -> Route:
    """Of an endpoint of which these variants have tables."""
    deployment = record.deployment
    models = {
        name: RoutedModel(
            str(folder.bundle(record.bundles[name])),
            str(folder.compiled(record.bundles[name])),
            deployment.variants[name].model,
        )
        for name in variants
    }
    weights = {name: variant.weight for name, variant in deployment.production.items()}
    percent = deployment.capture.percent if deployment.capture else 0.0
    return Route(weights, models, percent, counted_since_s)
