"""What should be served: an endpoint, its variants, how they scale, what is captured, and how an update shifts traffic.

The rules are those of the strictest host, SageMaker; a host that can do less refuses what it does not support.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Interface = Literal["raw", "encoded"]
"""What an endpoint takes: raw rows, which it encodes by itself, or the encoded rows that a plain container reads."""

Strategy = Literal["all_at_once", "canary", "linear"]
Metric = Literal["Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "OverheadLatency"]
Statistic = Literal["Average", "Maximum", "Minimum", "SampleCount", "Sum"]

INSTANCE_TYPE = "ml.m5.large"

# What SageMaker accepts as the name of an endpoint or a variant; also safe as a file name.
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
# What a tag may contain: a host keeps the names of alarms in tags.
_ALARM_NAME = re.compile(r"[\w.:/=+\-@ ]{1,255}")
_MOST_ALARMS = 10
_LONGEST_WAIT_S = 3600
_LONGEST_UPDATE_S = 8 * 3600
_PERIODS_S = (10, 30)


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
class Serverless:
    """No instances: a copy of the model for each of at most `max_concurrency` requests at once, billed by its work."""

    memory_mb: int = 2048
    max_concurrency: int = 20

    def __post_init__(self) -> None:
        if self.memory_mb not in range(1024, 6145, 1024):
            raise ValueError(f"memory_mb must be 1024, 2048, 3072, 4096, 5120 or 6144, got {self.memory_mb}")
        if not 1 <= self.max_concurrency <= 200:
            raise ValueError(f"max_concurrency must lie in [1, 200], got {self.max_concurrency}")


@dataclass(frozen=True)
class Variant:
    """One registered model behind an endpoint; `model` is `models:/<name>@<alias>` or `models:/<name>/<version>`.

    A `shadow` gets a copy of the requests and answers nobody; its weight, relative to that of the variant it shadows,
    is the fraction that is copied.
    """

    model: str
    weight: float = 1.0
    instances: int = 1
    instance_type: str = INSTANCE_TYPE
    autoscaling: Autoscaling | None = None
    serverless: Serverless | None = None
    shadow: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight must be 0 or more and finite, got {self.weight}")
        if self.instances < 1:
            raise ValueError(f"instances must be 1 or more, got {self.instances}")
        if self.serverless:
            taken = {
                "instances": self.instances != 1,
                "instance_type": self.instance_type != INSTANCE_TYPE,
                "autoscaling": self.autoscaling is not None,
                "shadow": self.shadow,
            }
            if excess := [key for key, is_set in taken.items() if is_set]:
                raise ValueError(f"serverless: has no {', '.join(excess)}; leave out the one or the other")


@dataclass(frozen=True)
class Capture:
    """`percent` of the requests are kept with their answers, for monitoring."""

    percent: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.percent <= 100:
            raise ValueError(f"percent must lie in [1, 100], got {self.percent}")


@dataclass(frozen=True)
class Asynchronous:
    """Requests and answers are files, and wait in a queue; an instance works on `concurrent_per_instance` at once."""

    concurrent_per_instance: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.concurrent_per_instance <= 1000:
            raise ValueError(f"concurrent_per_instance must lie in [1, 1000], got {self.concurrent_per_instance}")


@dataclass(frozen=True)
class Alarm:
    """Rings when `statistic` of `metric` over `period_s` is above a value, `periods` times on end, for any variant.

    The metrics are SageMaker's: errors are counted, latencies are in microseconds.
    """

    metric: Metric
    above: float
    statistic: Statistic = "Sum"
    period_s: int = 60
    periods: int = 1

    def __post_init__(self) -> None:
        if self.period_s not in _PERIODS_S and (self.period_s < 60 or self.period_s % 60):
            raise ValueError(f"period_s must be 10, 30 or a multiple of 60, got {self.period_s}")
        if self.periods < 1:
            raise ValueError(f"periods must be 1 or more, got {self.periods}")


@dataclass(frozen=True)
class Update:
    """How new variants take over: at once, after a canary of `step_percent`, or in steps of `step_percent`.

    Each step is watched for `wait_s`, and the whole for `bake_s` before the old machines go. When one of `alarms`,
    which are made with the endpoint, or of `existing_alarms`, by name, rings meanwhile, the old variants come back.
    """

    strategy: Strategy = "all_at_once"
    step_percent: int = 10
    wait_s: int = 300
    bake_s: int = 0
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    existing_alarms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        least = 10 if self.strategy == "linear" else 1
        if not least <= self.step_percent <= 50:
            raise ValueError(f"step_percent must lie in [{least}, 50] for {self.strategy}, got {self.step_percent}")
        for key, value in (("wait_s", self.wait_s), ("bake_s", self.bake_s)):
            if not 0 <= value <= _LONGEST_WAIT_S:
                raise ValueError(f"{key} must lie in [0, {_LONGEST_WAIT_S}], got {value}")
        if self.seconds > _LONGEST_UPDATE_S:
            raise ValueError(
                f"wait_s: {self.steps} steps of {self.wait_s} s plus bake_s take {self.seconds} s, "
                f"an update may take {_LONGEST_UPDATE_S}"
            )
        for name in self.alarms:
            if not _NAME.fullmatch(name):
                raise ValueError(f"alarms: {name!r} must be letters, digits and inner hyphens to name an alarm")
        for name in self.existing_alarms:
            if not _ALARM_NAME.fullmatch(name):
                raise ValueError(
                    f"existing_alarms: {name!r} must be 1 to 255 letters, digits, blanks and any of _.:/=+-@"
                )

    @property
    def steps(self) -> int:
        """How often traffic is shifted."""
        return {"all_at_once": 1, "canary": 2, "linear": math.ceil(100 / self.step_percent)}[self.strategy]

    @property
    def seconds(self) -> int:
        """What the waits of a whole update add up to."""
        return (self.steps - 1) * self.wait_s + self.bake_s


@dataclass(frozen=True)
class Deployment:
    """The wanted state of one endpoint; variants are keyed by name.

    Behind `interface: raw` any client sends raw rows; behind `encoded` is a plain XGBoost container, and
    `housing predict` encodes.
    """

    endpoint: str
    variants: Mapping[str, Variant]
    interface: Interface = "raw"
    capture: Capture | None = None
    asynchronous: Asynchronous | None = None
    update: Update = field(default_factory=Update)

    def __post_init__(self) -> None:
        for name in (self.endpoint, *self.variants):
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} must be 1 to 63 letters, digits and inner hyphens to name an endpoint or variant"
                )
        if not self.production:
            raise ValueError(f"endpoint {self.endpoint!r} needs at least one variant that is not a shadow")
        if sum(v.weight for v in self.production.values()) <= 0:
            raise ValueError(f"endpoint {self.endpoint!r}: variant weights must sum to more than 0")
        self._refuse_what_excludes_each_other()
        alarms = len(self.update.alarms) * len(self.variants) + len(self.update.existing_alarms)
        if alarms > _MOST_ALARMS:
            raise ValueError(
                f"update.alarms: an update watches {_MOST_ALARMS} alarms at most, one for each variant and the "
                f"existing ones; these are {alarms}"
            )

    @property
    def production(self) -> Mapping[str, Variant]:
        """The variants that answer; those that only shadow are left out."""
        return {name: variant for name, variant in self.variants.items() if not variant.shadow}

    def shares(self) -> dict[str, float]:
        """Fraction of traffic that each answering variant receives; sums to 1."""
        production = self.production
        total = sum(v.weight for v in production.values())
        return {name: v.weight / total for name, v in production.items()}

    def shared_models(self) -> dict[str, list[str]]:
        """Models that several variants serve, with the names of these variants."""
        by_model: dict[str, list[str]] = {}
        for name, variant in self.variants.items():
            by_model.setdefault(variant.model, []).append(name)
        return {model: names for model, names in by_model.items() if len(names) > 1}

    def _refuse_what_excludes_each_other(self) -> None:
        shadows = [v for v in self.variants.values() if v.shadow]
        is_serverless = any(v.serverless for v in self.variants.values())
        if shadows and len(self.variants) != 2:
            raise ValueError("variants: a shadow needs exactly one variant to shadow, and no other beside it")
        if shadows and not 0 < shadows[0].weight <= max(v.weight for v in self.production.values()):
            raise ValueError(
                f"variants: a shadow's weight must be above 0 and not above that of the variant it shadows, "
                f"got {shadows[0].weight}"
            )
        if is_serverless and len(self.variants) > 1:
            raise ValueError("variants: a serverless variant must be the only one")
        if is_serverless and (self.capture or self.asynchronous):
            raise ValueError("variants: a serverless variant can have neither capture nor asynchronous")
        if is_serverless and (self.update != Update()):
            raise ValueError("update: a serverless variant is replaced all at once, without alarms")
        if self.asynchronous and len(self.variants) > 1:
            raise ValueError("asynchronous: requests in a queue cannot be shared out; leave a single variant")
