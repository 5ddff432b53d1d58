from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from housing.deployment import plan as planning
from housing.deployment.changes import describe
from housing.deployment.plan import (
    CreateEndpoint,
    DeleteEndpoint,
    ReplaceVariants,
    SetUpdate,
    SetWeightsAndCapacities,
    StartScaling,
    StopScaling,
    effect,
    plan,
    teardown,
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
from housing.errors import DeploymentError

NAMES = ("a", "b", "c")


class RefusedError(Exception):
    pass


class SageMakerRules:
    """One endpoint that refuses what SageMaker refuses, and whose scaled counts move on their own."""

    def __init__(self, current: Deployment | None) -> None:
        self.exists = current is not None
        self.form = current
        self.variants: dict[str, Variant] = {}
        self.scaling: dict[str, Autoscaling] = {}
        self.new_fleets = 0
        for name, variant in (current.variants if current else {}).items():
            self.variants[name] = replace(variant, autoscaling=None)
            if variant.autoscaling:
                self.scaling[name] = variant.autoscaling
        self._load_changes()

    def current(self, endpoint: str) -> Deployment | None:
        if not self.exists or self.form is None:
            return None
        scaled = {n: replace(v, autoscaling=self.scaling.get(n)) for n, v in self.variants.items()}
        return replace(self.form, endpoint=endpoint, variants=scaled)

    def apply(self, action: planning.Action) -> None:
        if isinstance(action, CreateEndpoint) == self.exists:
            raise RefusedError("exists" if self.exists else "missing")
        match action:
            case CreateEndpoint(deployment):
                self.exists, self.form = True, deployment
                self.variants = self._configured(deployment.variants)
                self.new_fleets += len(self.variants)
            case ReplaceVariants(deployment):
                variants = deployment.variants
                assert self.form is not None
                if (deployment.asynchronous is None) != (self.form.asynchronous is None):
                    raise RefusedError("real-time stays real-time")
                if any(v.serverless for v in variants.values()) and not any(
                    v.serverless for v in self.variants.values()
                ):
                    raise RefusedError("instances stay instances")
                if deployment.update.strategy != "all_at_once" and variants.keys() != self.variants.keys():
                    raise RefusedError("variants have other names")
                self.form = deployment
                for name in self.scaling:
                    before, after = self.variants[name], variants.get(name)
                    if after is None or after.shadow or after.instance_type != before.instance_type:
                        raise RefusedError(f"{name} scales")
                old, self.variants = self.variants, self._configured(variants)
                for name in variants.keys() & old.keys():
                    both = (variants[name], old[name])
                    if not any(v.serverless or v.shadow for v in both):
                        self.variants[name] = replace(variants[name], instances=old[name].instances)
                self.new_fleets += 1
            case SetUpdate(_, update):
                assert self.form is not None
                self.form = replace(self.form, update=update)
            case SetWeightsAndCapacities(_, weights, instances):
                if any(self.variants[n].shadow for n in weights.keys() | instances.keys()):
                    raise RefusedError("a shadow is no production variant")
                if instances.keys() & self.scaling.keys():
                    raise RefusedError("scaling owns the count")
                for name, weight in weights.items():
                    self.variants[name] = replace(self.variants[name], weight=weight)
                for name, count in instances.items():
                    self.variants[name] = replace(self.variants[name], instances=count)
            case StartScaling(_, name, autoscaling):
                assert name in self.variants
                self.scaling[name] = autoscaling
            case StopScaling(_, name):
                del self.scaling[name]
            case DeleteEndpoint():
                if self.scaling:
                    raise RefusedError("still scales")
                self.exists, self.variants = False, {}
        if self.exists and sum(v.weight for v in self.variants.values()) <= 0:
            raise RefusedError("no traffic anywhere")
        self._load_changes()

    def _configured(self, variants: Mapping[str, Variant]) -> dict[str, Variant]:
        if any(v.autoscaling for v in variants.values()):
            raise RefusedError("an endpoint config knows no scaling")
        return dict(variants)

    def _load_changes(self) -> None:
        """The count of a scaled variant is rarely what it was."""
        for name, scaling in self.scaling.items():
            self.variants[name] = replace(self.variants[name], instances=scaling.max_instances)


autoscalings = st.builds(
    lambda low, more, target, cooldown: Autoscaling(
        max_instances=low + more,
        min_instances=low,
        invocations_per_instance_per_minute=target,
        scale_in_cooldown_s=cooldown,
    ),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from([60.0, 600.0]),
    st.sampled_from([0.0, 300.0]),
)
variants = st.builds(
    Variant,
    model=st.sampled_from(["models:/m/1", "models:/m/2"]),
    weight=st.sampled_from([0.0, 0.1, 1.0]),
    instances=st.integers(1, 3),
    instance_type=st.sampled_from(["ml.m5.large", "ml.m5.xlarge"]),
    autoscaling=st.none() | autoscalings,
)
updates = st.builds(
    Update,
    bake_s=st.sampled_from([0, 60]),
    alarms=st.sampled_from([{}, {"errors": Alarm("Invocation5XXErrors", above=1)}]),
)
instanced = st.builds(
    Deployment,
    st.just("house"),
    st.dictionaries(st.sampled_from(NAMES), variants, min_size=1).filter(lambda v: any(x.weight for x in v.values())),
    interface=st.sampled_from(["raw", "encoded"]),
    capture=st.sampled_from([None, Capture(percent=10)]),
    update=updates,
)


def of_kind(kind: str, plain: Deployment) -> Deployment:
    """The same endpoint as one of the kinds that SageMaker tells apart."""
    first = replace(next(iter(plain.variants.values())), weight=1.0)
    match kind:
        case "asynchronous":
            return replace(plain, variants={"a": first}, asynchronous=Asynchronous(2))
        case "serverless":
            variant = Variant(first.model, serverless=Serverless(max_concurrency=1 + first.instances))
            return Deployment("house", {"a": variant}, interface=plain.interface)
        case "shadowed":
            shade = Variant("models:/m/2", weight=0.1 * first.instances, instances=first.instances, shadow=True)
            return replace(plain, variants={"a": first, "b": shade})
    return plain


deployments = st.builds(of_kind, st.sampled_from(["real-time", "asynchronous", "serverless", "shadowed"]), instanced)


def settled(deployment: Deployment) -> Deployment:
    """Without the counts that load decides."""
    variants = {n: replace(v, instances=1) if v.autoscaling else v for n, v in deployment.variants.items()}
    return replace(deployment, variants=variants)


@settings(max_examples=400, deadline=None)
@given(wanted=deployments, current=st.none() | deployments)
def test_a_plan_arrives_in_an_order_that_sagemaker_accepts(wanted: Deployment, current: Deployment | None) -> None:
    fake = SageMakerRules(current)
    for action in plan(wanted, fake.current("house")):
        fake.apply(action)
    arrived = fake.current("house")
    assert arrived is not None
    assert settled(arrived) == settled(wanted)
    assert plan(wanted, arrived) == ()
    assert not describe(wanted, arrived)


@settings(max_examples=200, deadline=None)
@given(wanted=deployments, current=st.none() | deployments)
def test_effects_of_a_plan_add_up_to_what_was_wanted(wanted: Deployment, current: Deployment | None) -> None:
    state = current
    for action in plan(wanted, current):
        state = effect(action, state)
    assert state is not None
    assert settled(state) == settled(wanted)


@settings(deadline=None)
@given(wanted=deployments)
def test_a_plan_is_empty_when_nothing_changed(wanted: Deployment) -> None:
    assert plan(wanted, wanted) == ()
    assert not describe(wanted, wanted)


@settings(deadline=None)
@given(current=deployments)
def test_a_teardown_leaves_nothing_in_an_order_that_sagemaker_accepts(current: Deployment) -> None:
    fake = SageMakerRules(current)
    for action in teardown("house", current):
        fake.apply(action)
    assert fake.current("house") is None


SCALED = Variant(
    "models:/m/1", autoscaling=Autoscaling(max_instances=3, min_instances=2, invocations_per_instance_per_minute=60)
)
FIXED = Variant("models:/m/1")


def mutations() -> list[tuple[str, Variant, Variant]]:
    """Each field of a variant and of its scaling, changed alone."""
    other = {"model": "models:/m/2", "weight": 2.0, "instances": 2, "instance_type": "ml.c5.large"}
    alone = {"autoscaling", "serverless", "shadow"}
    cases = [(f.name, FIXED, replace(FIXED, **{f.name: other[f.name]})) for f in fields(Variant) if f.name in other]
    scaling = SCALED.autoscaling
    assert scaling is not None
    for f in fields(scaling):
        changed = replace(scaling, **{f.name: getattr(scaling, f.name) + (-1 if f.name == "min_instances" else 1)})
        cases.append((f"autoscaling.{f.name}", SCALED, replace(SCALED, autoscaling=changed)))
    assert {f.name for f in fields(Variant)} - alone == set(other)
    return [*cases, ("autoscaling", FIXED, SCALED), ("autoscaling", SCALED, FIXED)]


@pytest.mark.parametrize(("key", "old", "new"), mutations())
def test_every_field_changed_alone_is_noticed_and_shown(key: str, old: Variant, new: Variant) -> None:
    current, wanted = Deployment("house", {"a": old, "b": FIXED}), Deployment("house", {"a": new, "b": FIXED})
    assert plan(wanted, current)
    changes = describe(wanted, current)
    assert any(key in line for line in changes.lines)
    assert (changes.add, changes.change, changes.remove) == (0, 1, 0)


PLAIN = Deployment("house", {"a": FIXED})
WATCHED = replace(PLAIN, update=Update(alarms={"errors": Alarm("Invocation5XXErrors", above=1)}))
FUNCTION = replace(PLAIN, variants={"a": Variant("models:/m/1", serverless=Serverless())})


def other_settings() -> list[tuple[str, Deployment, Deployment]]:
    """Each setting of an endpoint beside its variants' own, changed alone."""
    cases = [
        ("interface", PLAIN, replace(PLAIN, interface="encoded")),
        ("capture.percent", PLAIN, replace(PLAIN, capture=Capture(10))),
        ("capture.percent", replace(PLAIN, capture=Capture(20)), replace(PLAIN, capture=Capture(10))),
        ("asynchronous.concurrent_per_instance", PLAIN, replace(PLAIN, asynchronous=Asynchronous(2))),
        ("shadow", PLAIN, replace(PLAIN, variants={"a": FIXED, "b": replace(FIXED, shadow=True)})),
        ("serverless.memory_mb", PLAIN, FUNCTION),
    ]
    for key, value in (("memory_mb", 1024), ("max_concurrency", 3)):
        changed = Variant("models:/m/1", serverless=replace(Serverless(), **{key: value}))
        cases.append((f"serverless.{key}", FUNCTION, replace(PLAIN, variants={"a": changed})))
    updates = {"strategy": "canary", "step_percent": 20, "wait_s": 60, "bake_s": 60, "existing_alarms": ("mine",)}
    for key, value in updates.items():
        cases.append((f"update.{key}", PLAIN, replace(PLAIN, update=replace(Update(), **{key: value}))))
    assert {f.name for f in fields(Update)} - {"alarms"} == set(updates)
    alarm = WATCHED.update.alarms["errors"]
    alarms = {"metric": "ModelLatency", "above": 2.0, "statistic": "Maximum", "period_s": 120, "periods": 2}
    for key, value in alarms.items():
        rings = replace(WATCHED, update=Update(alarms={"errors": replace(alarm, **{key: value})}))
        cases.append((f"update.alarms.errors.{key}", WATCHED, rings))
    assert {f.name for f in fields(alarm)} == set(alarms)
    return [*cases, ("update.alarms.errors.metric", WATCHED, PLAIN)]


@pytest.mark.parametrize(("key", "old", "new"), other_settings())
def test_every_setting_of_an_endpoint_is_noticed_shown_and_reached(key: str, old: Deployment, new: Deployment) -> None:
    assert any(key in line for line in describe(new, old).lines)
    state: Deployment | None = old
    for action in plan(new, old):
        state = effect(action, state)
    assert state == new


def test_what_only_later_updates_follow_keeps_the_running_fleet() -> None:
    assert plan(WATCHED, PLAIN) == (SetUpdate("house", WATCHED.update),)


def test_traffic_is_shifted_between_variants_of_the_same_names_only() -> None:
    wanted = Deployment("house", {"b": FIXED}, update=Update(strategy="canary"))
    with pytest.raises(DeploymentError) as refused:
        plan(wanted, replace(PLAIN, variants={"a": FIXED, "c": FIXED}))
    assert str(refused.value) == (
        "house: canary shifts traffic between variants of the same names only; served are a, c, wanted b; "
        "deploy once with deployment.update.strategy=all_at_once"
    )


@pytest.mark.parametrize("key", ["weight", "instances"])
def test_new_weights_or_counts_keep_the_running_fleet(key: str) -> None:
    wanted = Deployment("house", {"a": replace(FIXED, **{key: 3})})
    fake = SageMakerRules(Deployment("house", {"a": FIXED}))
    for action in plan(wanted, fake.current("house")):
        fake.apply(action)
    assert fake.new_fleets == 0
    assert fake.current("house") == wanted


@pytest.mark.parametrize(
    ("wanted", "current"),
    [
        (replace(PLAIN, asynchronous=Asynchronous()), PLAIN),
        (PLAIN, replace(PLAIN, asynchronous=Asynchronous())),
        (FUNCTION, PLAIN),
        (FUNCTION, replace(PLAIN, variants={"a": SCALED})),
    ],
)
def test_what_no_endpoint_is_updated_to_is_replaced_and_said_so(wanted: Deployment, current: Deployment) -> None:
    *stops, deletion, creation = plan(wanted, current)
    assert all(isinstance(action, StopScaling) for action in stops)
    assert (deletion, creation) == (DeleteEndpoint("house"), CreateEndpoint(wanted))
    changes = describe(wanted, current)
    assert "-/+ endpoint house, which must be replaced" in changes.lines
    assert "Requests are not answered meanwhile" in changes.how
    assert (changes.add, changes.remove) == (1, 1)
    with pytest.raises(DeploymentError, match="no endpoint"):
        effect(ReplaceVariants(wanted), current)


def test_a_serverless_endpoint_is_updated_to_instances() -> None:
    assert plan(PLAIN, FUNCTION) == (ReplaceVariants(PLAIN),)
    assert "no request is lost" in describe(PLAIN, FUNCTION).how
    assert describe(replace(PLAIN, variants={"a": replace(FIXED, instances=2)}), PLAIN).how == ""


def test_new_machines_keep_the_running_count_and_those_after_a_function_start_as_declared() -> None:
    three = replace(PLAIN, variants={"a": Variant("models:/m/2", instances=3)})
    (update,) = plan(three, FUNCTION)
    assert effect(update, FUNCTION) == three
    five = replace(PLAIN, variants={"a": Variant("models:/m/1", instances=5)})
    stands = effect(ReplaceVariants(three), five)
    assert stands is not None
    assert (stands.variants["a"].model, stands.variants["a"].instances) == ("models:/m/2", 5)


def test_a_teardown_stops_scaling_first_and_ends_what_cannot_be_read_outright() -> None:
    two = Deployment("house", {"a": SCALED, "b": FIXED})
    assert teardown("house", two) == (StopScaling("house", "a"), DeleteEndpoint("house"))
    assert teardown("house", None) == (DeleteEndpoint("house"),)


@pytest.mark.parametrize(("running", "after"), [(1, 2), (3, 3), (9, 4)])
def test_scaling_begins_within_its_bounds(running: int, after: int) -> None:
    start = StartScaling("house", "a", Autoscaling(4, 60, min_instances=2))
    stands = effect(start, replace(PLAIN, variants={"a": replace(FIXED, instances=running)}))
    assert stands is not None
    assert stands.variants["a"].instances == after


def test_what_is_replaced_starts_no_machines_beside_the_old_ones() -> None:
    assert not planning.starts_machines(FUNCTION, PLAIN)
    assert not planning.starts_machines(PLAIN, None)
    assert planning.starts_machines(PLAIN, FUNCTION)


def test_a_count_that_autoscaling_owns_is_no_difference() -> None:
    current = Deployment("house", {"a": replace(SCALED, instances=3)})
    assert plan(Deployment("house", {"a": SCALED}), current) == ()


def test_a_plan_for_another_endpoint_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="one endpoint"):
        plan(Deployment("house", {"a": FIXED}), Deployment("shed", {"a": FIXED}))


@pytest.mark.parametrize(
    ("action", "current", "reason"),
    [
        (CreateEndpoint(Deployment("house", {"a": FIXED})), Deployment("house", {"a": FIXED}), "exists already"),
        (StopScaling("house", "a"), None, "does not exist"),
        (
            ReplaceVariants(Deployment("house", {"b": FIXED})),
            Deployment("house", {"a": SCALED}),
            "house: variant a still scales while it is removed; plan again",
        ),
        (
            ReplaceVariants(Deployment("house", {"a": replace(FIXED, instance_type="ml.c5.xlarge")})),
            Deployment("house", {"a": SCALED}),
            "house: variant a still scales while it changes to ml.c5.xlarge; plan again",
        ),
        (
            ReplaceVariants(Deployment("house", {"a": replace(FIXED, shadow=True), "b": FIXED})),
            Deployment("house", {"a": SCALED}),
            "house: variant a still scales while it changes to a shadow; plan again",
        ),
        (
            SetWeightsAndCapacities("house", {"z": 1}),
            Deployment("house", {"a": FIXED, "b": FIXED}),
            "house has no variant z; it has a, b; plan again",
        ),
        (SetWeightsAndCapacities("house", {"a": 0}), Deployment("house", {"a": FIXED}), "sum to more than 0"),
        (SetWeightsAndCapacities("house", {}, {"a": 2}), Deployment("house", {"a": SCALED}), "belong to"),
    ],
)
def test_an_illegal_action_has_no_effect_and_says_why(
    action: planning.Action, current: Deployment | None, reason: str
) -> None:
    with pytest.raises(DeploymentError, match=reason):
        effect(action, current)


def test_changes_read_as_old_and_new_values() -> None:
    current = Deployment("house", {"champion": Variant("models:/m/1", weight=9), "old": FIXED})
    wanted = Deployment("house", {"champion": Variant("models:/m/2", weight=0.5), "new": SCALED})
    changes = describe(wanted, current)
    assert "~     model: models:/m/1 -> models:/m/2" in changes.lines
    assert "~     weight: 9 -> 0.5" in changes.lines
    assert "+ variant new" in changes.lines
    assert "+     autoscaling.max_instances: 3" in changes.lines
    assert "- variant old" in changes.lines
    assert changes.summary() == "1 to add, 1 to change, 1 to remove"


def test_changes_count_an_endpoint_that_comes_or_goes() -> None:
    deployment = Deployment("house", {"a": FIXED})
    assert describe(deployment, None).summary() == "2 to add, 0 to change, 0 to remove"
    assert describe(None, deployment).summary() == "0 to add, 0 to change, 2 to remove"
