"""Deployment configurations as steps of traffic."""

from __future__ import annotations

from typing import Any

import pytest

from housing.rehearsal.serving.shifting import Shifting, shifting


def test_without_a_configuration_all_traffic_moves_at_once() -> None:
    assert shifting(None, 2) == Shifting(steps=(1.0,), wait_s=0, termination_s=0, alarms=())


@pytest.mark.parametrize(
    ("routing", "instances", "steps"),
    [
        ({"Type": "ALL_AT_ONCE"}, 2, [1]),
        ({"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}}, 2, [0.1, 1]),
        ({"Type": "CANARY", "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}, 4, [0.25, 1]),
        ({"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 30}}, 2, [0.3, 0.6, 0.9, 1]),
        ({"Type": "LINEAR", "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 2}}, 6, [1 / 3, 2 / 3, 1]),
    ],
)
def test_blue_green_moves_the_share_that_each_step_says(
    routing: dict[str, Any], instances: int, steps: list[float]
) -> None:
    policy = {"TrafficRoutingConfiguration": {**routing, "WaitIntervalInSeconds": 5}, "TerminationWaitInSeconds": 7}
    alarms = {"Alarms": [{"AlarmName": "errors"}]}
    found = shifting({"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": alarms}, instances)
    assert list(found.steps) == pytest.approx(steps)
    assert (found.wait_s, found.termination_s, found.alarms) == (5, 7, ["errors"])


def test_rolling_updates_go_in_batches() -> None:
    policy = {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 3}
    found = shifting({"RollingUpdatePolicy": policy}, 4)
    assert (list(found.steps), found.wait_s) == ([0.5, 1.0], 3)
