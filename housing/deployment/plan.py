"""The steps from what is served now to what should be served, decided before any is taken.

The order obeys SageMaker, the strictest host: it refuses to replace variants while one that goes, or changes its
instance type, still scales; and it replaces a whole fleet where new weights and counts would have done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from housing.deployment.spec import Autoscaling, Deployment, Variant
from housing.errors import DeploymentError


@dataclass(frozen=True)
class CreateEndpoint:
    """Serve variants under a new name. Scaling starts in steps of its own."""

    endpoint: str
    variants: Mapping[str, Variant]


@dataclass(frozen=True)
class ReplaceVariants:
    """Swap models, instance types and weights at once; a variant that stays keeps its live number of instances."""

    endpoint: str
    variants: Mapping[str, Variant]


@dataclass(frozen=True)
class SetWeightsAndCapacities:
    """New weights and instance counts for the variants named, on the running fleets."""

    endpoint: str
    weights: Mapping[str, float] = field(default_factory=dict)
    instances: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StartScaling:
    """Let a variant's instance count follow its load; replaces the rule it had."""

    endpoint: str
    variant: str
    autoscaling: Autoscaling


@dataclass(frozen=True)
class StopScaling:
    """Leave a variant's instance count where it is."""

    endpoint: str
    variant: str


@dataclass(frozen=True)
class DeleteEndpoint:
    """Stop serving; nothing scales any more."""

    endpoint: str


Action = CreateEndpoint | ReplaceVariants | SetWeightsAndCapacities | StartScaling | StopScaling | DeleteEndpoint


def plan(wanted: Deployment, current: Deployment | None) -> tuple[Action, ...]:
    """Actions that lead from `current` to `wanted`, in an order every host accepts; empty when nothing differs.

    Both are pinned deployments of one endpoint. The instance count of a variant that scales belongs to its load
    and is no difference; it counts when the variant is made, and when its scaling ends.
    """
    endpoint = wanted.endpoint
    if current is None:
        create = CreateEndpoint(endpoint, {name: _unscaled(v) for name, v in wanted.variants.items()})
        return (create, *_scaling_to_start(wanted, {}))
    if current.endpoint != endpoint:
        raise ValueError(f"a plan is for one endpoint, got {endpoint!r} and {current.endpoint!r}")

    new, old = wanted.variants, current.variants
    actions: list[Action] = []
    stopped = {name for name, variant in old.items() if variant.autoscaling and _must_stop(new.get(name), variant)}
    actions += [StopScaling(endpoint, name) for name in old if name in stopped]

    weights: dict[str, float] = {}
    if new.keys() != old.keys() or any(_needs_new_fleet(new[name], old[name]) for name in new):
        actions.append(ReplaceVariants(endpoint, {name: _unscaled(v) for name, v in new.items()}))
    else:
        weights = {name: v.weight for name, v in new.items() if v.weight != old[name].weight}
    # A count that scaling owned until now is set outright: it may have moved since `current` was read.
    instances = {
        name: v.instances
        for name, v in new.items()
        if name in old and not v.autoscaling and (name in stopped or v.instances != old[name].instances)
    }
    if weights or instances:
        actions.append(SetWeightsAndCapacities(endpoint, weights, instances))

    scales_on = {name: v.autoscaling for name, v in old.items() if name not in stopped}
    return (*actions, *_scaling_to_start(wanted, scales_on))


def teardown(endpoint: str, current: Deployment | None) -> tuple[Action, ...]:
    """Actions that end an endpoint; without `current` (it is broken, or unreadable) it is deleted outright."""
    variants = current.variants if current else {}
    stops = (StopScaling(endpoint, name) for name, variant in variants.items() if variant.autoscaling)
    return (*stops, DeleteEndpoint(endpoint))


def effect(action: Action, current: Deployment | None) -> Deployment | None:
    """What stands after an action; raises DeploymentError where SageMaker would refuse it."""
    match action:
        case CreateEndpoint(endpoint, variants):
            if current is not None:
                raise DeploymentError(f"endpoint {endpoint} exists already; plan again")
            return Deployment(endpoint, dict(variants))
        case DeleteEndpoint():
            return None
    if current is None:
        raise DeploymentError(f"endpoint {action.endpoint} does not exist; plan again")
    variants = dict(current.variants)
    match action:
        case ReplaceVariants():
            _refuse_while_scaling(action, current)
            variants = {name: _keeping_instances(v, variants.get(name)) for name, v in action.variants.items()}
        case SetWeightsAndCapacities(_, weights, instances):
            for name, weight in weights.items():
                variants[name] = replace(_variant(current, name), weight=weight)
            for name, count in instances.items():
                if _variant(current, name).autoscaling:
                    raise DeploymentError(f"{action.endpoint}: the instances of {name} belong to its autoscaling")
                variants[name] = replace(variants[name], instances=count)
        case StartScaling(_, name, autoscaling):
            variant = _variant(current, name)
            count = min(max(variant.instances, autoscaling.min_instances), autoscaling.max_instances)
            variants[name] = replace(variant, autoscaling=autoscaling, instances=count)
        case StopScaling(_, name):
            variants[name] = replace(_variant(current, name), autoscaling=None)
    try:
        return Deployment(current.endpoint, variants)
    except ValueError as error:
        raise DeploymentError(str(error)) from error


def _must_stop(new: Variant | None, old: Variant) -> bool:
    return new is None or new.autoscaling is None or new.instance_type != old.instance_type


def _needs_new_fleet(new: Variant, old: Variant) -> bool:
    return (new.model, new.instance_type) != (old.model, old.instance_type)


def _unscaled(variant: Variant) -> Variant:
    return replace(variant, autoscaling=None)


def _scaling_to_start(wanted: Deployment, scales_on: Mapping[str, Autoscaling | None]) -> list[Action]:
    return [
        StartScaling(wanted.endpoint, name, variant.autoscaling)
        for name, variant in wanted.variants.items()
        if variant.autoscaling and variant.autoscaling != scales_on.get(name)
    ]


def _refuse_while_scaling(action: ReplaceVariants, current: Deployment) -> None:
    for name, old in current.variants.items():
        new = action.variants.get(name)
        if old.autoscaling and (new is None or new.instance_type != old.instance_type):
            change = "is removed" if new is None else f"changes to {new.instance_type}"
            raise DeploymentError(f"{action.endpoint}: variant {name} still scales while it {change}; plan again")


def _keeping_instances(new: Variant, old: Variant | None) -> Variant:
    return new if old is None else replace(new, instances=old.instances, autoscaling=old.autoscaling)


def _variant(deployment: Deployment, name: str) -> Variant:
    try:
        return deployment.variants[name]
    except KeyError:
        known = ", ".join(deployment.variants)
        raise DeploymentError(f"{deployment.endpoint} has no variant {name}; it has {known}; plan again") from None
