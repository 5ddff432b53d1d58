from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from housing.deployment.spec import Alarm, Asynchronous, Capture, Deployment, Serverless, Update, Variant


@pytest.mark.parametrize("name", ["", "-house", "house-", "a/b", "..", "x" * 64, "häuser", "a\n"])
def test_names_that_no_host_accepts_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="63 letters"):
        Deployment(name, {"a": Variant("models:/m/1")})
    with pytest.raises(ValueError, match="63 letters"):
        Deployment("house", {name: Variant("models:/m/1")})


@pytest.mark.parametrize("weight", [-1, math.nan, math.inf])
def test_weights_that_cannot_be_shared_out_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight must be"):
        Variant("models:/m/1", weight=weight)


ONE = Variant("models:/m/1")
FUNCTION = Variant("models:/m/1", serverless=Serverless())


@pytest.mark.parametrize(
    ("variants", "settings", "reason"),
    [
        ({"a": replace(ONE, shadow=True)}, {}, "not a shadow"),
        ({"a": ONE, "b": ONE, "c": replace(ONE, shadow=True)}, {}, "exactly one variant to shadow"),
        ({"a": ONE, "b": replace(ONE, shadow=True, weight=2)}, {}, "not above"),
        ({"a": FUNCTION, "b": ONE}, {}, "only one"),
        ({"a": FUNCTION}, {"capture": Capture()}, "neither capture"),
        ({"a": FUNCTION}, {"update": Update(strategy="canary")}, "all at once"),
        ({"a": ONE, "b": ONE}, {"asynchronous": Asynchronous()}, "single variant"),
        ({"a": ONE}, {"update": Update(existing_alarms=tuple("abcdefghijk"))}, "10 alarms"),
    ],
)
def test_what_no_endpoint_can_be_is_refused(variants: dict[str, Variant], settings: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Deployment("house", variants, **settings)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Variant("models:/m/1", serverless=Serverless(), instances=2), "no instances"),
        (lambda: Serverless(memory_mb=1000), "memory_mb"),
        (lambda: Serverless(max_concurrency=0), "max_concurrency"),
        (lambda: Capture(percent=0), "percent"),
        (lambda: Asynchronous(concurrent_per_instance=0), "concurrent_per_instance"),
        (lambda: Alarm("ModelLatency", above=1, period_s=61), "multiple of 60"),
        (lambda: Update(strategy="canary", step_percent=60), "step_percent"),
        (lambda: Update(strategy="linear", step_percent=5), r"\[10, 50\] for linear"),
        (lambda: Update(strategy="linear", wait_s=3600), "an update may take"),
        (lambda: Update(wait_s=4000), "wait_s"),
        (lambda: Update(alarms={"a/b": Alarm("ModelLatency", above=1)}), "name an alarm"),
        (lambda: Update(existing_alarms=("a;b",)), "existing_alarms"),
    ],
)
def test_values_that_no_host_accepts_are_refused(make: Callable[[], object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        make()


def test_a_shadow_has_no_share_of_the_answers() -> None:
    both = Deployment("house", {"a": ONE, "b": replace(ONE, shadow=True, weight=0.5)})
    assert both.shares() == {"a": 1}
