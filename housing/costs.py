"""What rented machines cost, by the dated prices in conf/; an unknown price is None, never 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Rental:
    """The machines that a job uses: `instances` of a type, billed for `max_seconds` at most."""

    instance_type: str
    instances: int
    max_seconds: float


@dataclass(frozen=True)
class Prices:
    """Prices of instances on demand in one region, as published at `source`; `date` is as exact as is known, such as
    2024.
    """

    date: str
    region: str
    source: str
    usd_per_hour: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for instance_type, usd in self.usd_per_hour.items():
            if not 0 <= usd < math.inf:
                raise ValueError(f"usd_per_hour: {instance_type} must cost 0 or more and finite, got {usd}")

    def usd(self, instance_type: str, instances: int, seconds: float) -> float | None:
        """The cost of `instances` for `seconds` billed seconds each; None when the type has no price here."""
        price_usd_per_hour = self.usd_per_hour.get(instance_type)
        return None if price_usd_per_hour is None else price_usd_per_hour * instances * seconds / _SECONDS_AN_HOUR


@dataclass(frozen=True)
class Budget:
    """What one command may spend on training at most; None: no limit."""

    usd: float | None = None

    def __post_init__(self) -> None:
        if self.usd is not None and not 0 <= self.usd < math.inf:
            raise ValueError(f"usd must be 0 or more and finite, got {self.usd}")
