from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from housing.deployment.spec import Autoscaling
from housing.targets.local.autoscaling import desired_instances

SCALING = Autoscaling(
    max_instances=4,
    invocations_per_instance_per_minute=100,
    scale_in_cooldown_s=300,
    scale_out_cooldown_s=60,
)


@pytest.mark.parametrize(("load", "instances"), [(0, 1), (100, 1), (101, 2), (250, 3), (400, 4), (10_000, 4)])
def test_as_many_instances_as_the_load_needs_within_the_bounds(load: int, instances: int) -> None:
    assert desired_instances(SCALING, instances=2, invocations_last_minute=load) == instances


def test_growing_waits_for_its_own_cooldown() -> None:
    grown = {"instances": 2, "invocations_last_minute": 400, "since_scaled_s": 1.0}
    assert desired_instances(SCALING, **grown, since_scaled_out_s=59) == 2
    assert desired_instances(SCALING, **grown, since_scaled_out_s=60) == 4


def test_shrinking_waits_after_any_change() -> None:
    assert desired_instances(SCALING, instances=3, invocations_last_minute=0, since_scaled_s=299) == 3
    assert desired_instances(SCALING, instances=3, invocations_last_minute=0, since_scaled_s=300) == 1


@given(
    instances=st.integers(1, 20),
    load=st.integers(0, 10_000),
    out=st.floats(0, 1000),
    changed=st.floats(0, 1000),
)
def test_the_bounds_hold_whatever_the_cooldowns_say(instances: int, load: int, out: float, changed: float) -> None:
    count = desired_instances(
        SCALING,
        instances=instances,
        invocations_last_minute=load,
        since_scaled_out_s=out,
        since_scaled_s=changed,
    )
    assert 1 <= count <= 4
