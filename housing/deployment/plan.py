"""The steps from what is served now to what should be served, decided before any is taken.

The order obeys SageMaker, the strictest host: it refuses to replace variants while one that is removed, or changes its
instance type, is still autoscaled; and it replaces a whole fleet where new weights and counts would do. What it cannot
change on an existing endpoint, such as real-time to asynchronous, requires deleting the endpoint and creating it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from housing.deployment.spec import Autoscaling, Deployment, Update, Variant
from housing.errors import DeploymentError


@dataclass(frozen=True)
class CreateEndpoint:
    """Create a deployment's endpoint. Scaling starts by separate actions."""

    deployment: Deployment

    @property
    def endpoint(self) -> str:
        return self.deployment.endpoint


@dataclass(frozen=True)
class ReplaceVariants:
    """Replace one deployment by another, as its `update` says; a variant in both keeps its instance count."""

    deployment: Deployment

    @property
    def endpoint(self) -> str:
        return self.deployment.endpoint


@dataclass(frozen=True)
class SetUpdate:
    """How later updates shift traffic, and which alarms watch them; what is served stays as it is."""

    endpoint: str
    update: Update


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
    """Stop scaling a variant; its instance count stays as it is."""

    endpoint: str
    variant: str


@dataclass(frozen=True)
class DeleteEndpoint:
    """Delete an endpoint; no variant may be scaling any more."""

    endpoint: str


Action = (
    CreateEndpoint | ReplaceVariants | SetUpdate | SetWeightsAndCapacities | StartScaling | StopScaling | DeleteEndpoint
)


def plan(wanted: Deployment, current: Deployment | None) -> tuple[Action, ...]:
    """Actions that lead from `current` to `wanted`, in an order every host accepts; empty when nothing differs.

    Both are pinned deployments of one endpoint. Autoscaling owns the instance count of a scaling variant, so that a
    difference in it is ignored, except when the variant is created and when its scaling ends.
    """
    endpoint = wanted.endpoint
    if current is None:
        return (CreateEndpoint(_unscaled(wanted)), *_scaling_to_start(wanted, {}))
    if current.endpoint != endpoint:
        raise ValueError(f"a plan is for one endpoint, got {endpoint!r} and {current.endpoint!r}")

    if why_replaced(wanted, current):
        return (*teardown(endpoint, current), *plan(wanted, None))
    new, old = wanted.variants, current.variants
    actions: list[Action] = []
    stopped = {name for name, variant in old.items() if variant.autoscaling and _must_stop(new.get(name), variant)}
    actions += [StopScaling(endpoint, name) for name in old if name in stopped]

    weights: dict[str, float] = {}
    if starts_machines(wanted, current):
        _refuse_shifting_between_names(wanted, current)
        actions.append(ReplaceVariants(_unscaled(wanted)))
    else:
        if wanted.update != current.update:
            actions.append(SetUpdate(endpoint, wanted.update))
        weights = {name: v.weight for name, v in new.items() if v.weight != old[name].weight}
    # A count that scaling owned until now is always set: it may have changed since `current` was read.
    instances = {
        name: v.instances
        for name, v in new.items()
        if name in old
        and not v.autoscaling
        and _keeps_instances(v, old[name])
        and (name in stopped or v.instances != old[name].instances)
    }
    if weights or instances:
        actions.append(SetWeightsAndCapacities(endpoint, weights, instances))

    scales_on = {name: v.autoscaling for name, v in old.items() if name not in stopped}
    return (*actions, *_scaling_to_start(wanted, scales_on))


def why_replaced(wanted: Deployment, current: Deployment | None) -> str | None:
    """Why the endpoint must be deleted before the wanted one can be created; None where it can be updated."""
    if current is None:
        return None
    if (wanted.asynchronous is None) != (current.asynchronous is None):
        forms = ("asynchronous", "real-time") if current.asynchronous else ("real-time", "asynchronous")
        return f"no endpoint is updated from {forms[0]} to {forms[1]}"
    if _is_serverless(wanted) and not _is_serverless(current):
        return "no endpoint with instances is updated to a serverless one"
    return None


def starts_machines(wanted: Deployment, current: Deployment | None) -> bool:
    """Whether an update starts new machines beside the old ones, and moves the traffic over when they answer."""
    return (
        current is not None
        and why_replaced(wanted, current) is None
        and (wanted.variants.keys() != current.variants.keys() or _form(wanted) != _form(current))
    )


def teardown(endpoint: str, current: Deployment | None) -> tuple[Action, ...]:
    """Actions that remove an endpoint; without `current` (it is broken, or unreadable) it is deleted directly."""
    variants = current.variants if current else {}
    stops = (StopScaling(endpoint, name) for name, variant in variants.items() if variant.autoscaling)
    return (*stops, DeleteEndpoint(endpoint))


def effect(action: Action, current: Deployment | None) -> Deployment | None:
    """The deployment after an action; raises DeploymentError where SageMaker would refuse the action."""
    match action:
        case CreateEndpoint(deployment):
            if current is not None:
                raise DeploymentError(f"endpoint {deployment.endpoint} exists already; plan again")
            return deployment
        case DeleteEndpoint():
            return None
    if current is None:
        raise DeploymentError(f"endpoint {action.endpoint} does not exist; plan again")
    try:
        return _changed(action, current)
    except ValueError as error:
        raise DeploymentError(str(error)) from error


def _changed(
    action: ReplaceVariants | SetUpdate | SetWeightsAndCapacities | StartScaling | StopScaling, current: Deployment
) -> Deployment:
    variants = dict(current.variants)
    match action:
        case ReplaceVariants(deployment):
            if why := why_replaced(deployment, current):
                raise DeploymentError(f"{action.endpoint}: {why}; plan again")
            _refuse_while_scaling(action, current)
            kept = {name: _keeping_instances(v, variants.get(name)) for name, v in deployment.variants.items()}
            return replace(deployment, variants=kept)
        case SetUpdate(_, update):
            return replace(current, update=update)
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
    return replace(current, variants=variants)


def _must_stop(new: Variant | None, old: Variant) -> bool:
    return new is None or new.autoscaling is None or new.instance_type != old.instance_type or new.shadow != old.shadow


def _is_serverless(deployment: Deployment) -> bool:
    return any(variant.serverless for variant in deployment.variants.values())


def _form(deployment: Deployment) -> object:
    """The fields of a deployment that only new machines can change."""
    return (
        deployment.interface,
        deployment.capture,
        deployment.asynchronous,
        {n: (v.model, v.instance_type, v.serverless, v.shadow) for n, v in deployment.variants.items()},
        # Weights and counts of shadow variants can only be set by an update.
        {n: (v.weight, v.instances) for n, v in deployment.variants.items() if v.shadow},
    )


def _unscaled(deployment: Deployment) -> Deployment:
    return replace(deployment, variants={n: replace(v, autoscaling=None) for n, v in deployment.variants.items()})


def _refuse_shifting_between_names(wanted: Deployment, current: Deployment) -> None:
    # SageMaker shifts traffic gradually only between two fleets of the same variants.
    if wanted.update.strategy != "all_at_once" and wanted.variants.keys() != current.variants.keys():
        raise DeploymentError(
            f"{wanted.endpoint}: {wanted.update.strategy} shifts traffic between variants of the same names only; "
            f"served are {', '.join(current.variants)}, wanted {', '.join(wanted.variants)}; "
            "deploy once with deployment.update.strategy=all_at_once"
        )


def _scaling_to_start(wanted: Deployment, scales_on: Mapping[str, Autoscaling | None]) -> list[Action]:
    return [
        StartScaling(wanted.endpoint, name, variant.autoscaling)
        for name, variant in wanted.variants.items()
        if variant.autoscaling and variant.autoscaling != scales_on.get(name)
    ]


def _refuse_while_scaling(action: ReplaceVariants, current: Deployment) -> None:
    for name, old in current.variants.items():
        new = action.deployment.variants.get(name)
        if old.autoscaling and (new is None or _must_stop(replace(new, autoscaling=old.autoscaling), old)):
            change = "is removed" if new is None else f"changes to {'a shadow' if new.shadow else new.instance_type}"
            raise DeploymentError(f"{action.endpoint}: variant {name} still scales while it {change}; plan again")


def _keeping_instances(new: Variant, old: Variant | None) -> Variant:
    if old is None or not _keeps_instances(new, old):
        return new
    return replace(new, instances=old.instances, autoscaling=old.autoscaling)


def _keeps_instances(new: Variant, old: Variant) -> bool:
    """Whether a variant has as many instances as before on new machines; else it starts with those it declares."""
    return not (new.serverless or old.serverless or new.shadow or old.shadow)


def _variant(deployment: Deployment, name: str) -> Variant:
    try:
        return deployment.variants[name]
    except KeyError:
        known = ", ".join(deployment.variants)
        raise DeploymentError(f"{deployment.endpoint} has no variant {name}; it has {known}; plan again") from None
