"""How many instances a load needs: target tracking, as SageMaker's Application Auto Scaling does it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from housing.deployment.spec import Autoscaling, Variant
from housing.targets.local.served import Served


def scaled(variants: Mapping[str, Variant], served: Mapping[str, Served], now: float) -> dict[str, Variant]:
    """With the instances that each needs by the load of its last minute; `now` in monotonic seconds."""
    found = dict(variants)
    for name, variant in variants.items():
        if variant.autoscaling:
            count = desired_instances(
                variant.autoscaling,
                instances=variant.instances,
                invocations_last_minute=served[name].traffic.last_minute(),
                since_scaled_out_s=now - served[name].scaled_out_at,
                since_scaled_s=now - served[name].scaled_at,
            )
            found[name] = replace(variant, instances=count)
    return found


def desired_instances(
    scaling: Autoscaling,
    *,
    instances: int,
    invocations_last_minute: int,
    since_scaled_out_s: float = math.inf,
    since_scaled_s: float = math.inf,
) -> int:
    """The number of instances, within the bounds, that keeps the load per instance at the target or below.

    Scaling out waits for `scale_out_cooldown_s` since the last scale-out; scaling in for `scale_in_cooldown_s` since
    any change, so that a burst does not make the count oscillate. The bounds apply regardless of cooldowns.
    """
    needed = math.ceil(invocations_last_minute / scaling.invocations_per_instance_per_minute)
    wanted = _bounded(scaling, needed)
    now = _bounded(scaling, instances)
    if wanted > now and since_scaled_out_s < scaling.scale_out_cooldown_s:
        return now
    if wanted < now and since_scaled_s < scaling.scale_in_cooldown_s:
        return now
    return wanted


def _bounded(scaling: Autoscaling, instances: int) -> int:
    return min(max(instances, scaling.min_instances), scaling.max_instances)
