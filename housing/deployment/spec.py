"""What should be served: an endpoint, its variants and how they scale."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

# What SageMaker accepts as the name of an endpoint or a variant; also safe as a file name.
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")


@dataclass(frozen=True)
class Autoscaling:
    """Instances follow load towards `invocations_per_instance_per_minute`, between two bounds."""

    max_instances: int
    invocations_per_instance_per_minute: float
    min_instances: int = 1
    scale_in_cooldown_s: float = 300
    scale_out_cooldown_s: float = 60

    def __post_init__(self) -> None:
        if not 1 <= self.min_instances <= self.max_instances:
            raise ValueError(
                f"need 1 <= min_instances <= max_instances, got {self.min_instances} and {self.max_instances}"
            )
        if not self.invocations_per_instance_per_minute > 0:
            raise ValueError(
                "invocations_per_instance_per_minute must be more than 0, "
                f"got {self.invocations_per_instance_per_minute}"
            )


@dataclass(frozen=True)
class Variant:
    """One registered model behind an endpoint; `model` is `models:/<name>@<alias>` or `models:/<name>/<version>`."""

    model: str
    weight: float = 1.0
    instances: int = 1
    instance_type: str = "ml.m5.large"
    autoscaling: Autoscaling | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight must be 0 or more and finite, got {self.weight}")
        if self.instances < 1:
            raise ValueError(f"instances must be 1 or more, got {self.instances}")


@dataclass(frozen=True)
class Deployment:
    """The wanted state of one endpoint; variants are keyed by name."""

    endpoint: str
    variants: Mapping[str, Variant]

    def __post_init__(self) -> None:
        for name in (self.endpoint, *self.variants):
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} must be 1 to 63 letters, digits and inner hyphens to name an endpoint or variant"
                )
        if not self.variants:
            raise ValueError(f"endpoint {self.endpoint!r} needs at least one variant")
        if sum(v.weight for v in self.variants.values()) <= 0:
            raise ValueError(f"endpoint {self.endpoint!r}: variant weights must sum to more than 0")

    def shares(self) -> dict[str, float]:
        """Fraction of traffic that each variant receives; sums to 1."""
        total = sum(v.weight for v in self.variants.values())
        return {name: v.weight / total for name, v in self.variants.items()}
