"""Canary, linear shifting, shadows and rollback on the local host, by its own figures."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from housing.data.derived import Derived
from housing.data.encoder import Encoder
from housing.deployment.spec import Alarm, Capture, Deployment, Update, Variant
from housing.errors import ConfigError, DataError, DeploymentError, RolledBack
from housing.targets.local.host import LocalHost
from housing.targets.local.request_counts import RequestCounts
from housing.targets.local.shifting import WatchedCounts, ringing, steps_of
from housing.testing.host import GOOD, OTHER, ROWS, deploy
from housing.testing.models import price_bundle
from housing.training.artifact import write_bundle

SINGLE = Deployment("house", {"champion": Variant(GOOD)})
BROKEN, SLOW = "models:/price/8", "models:/price/9"
ERRORS = {"errors": Alarm("Invocation5XXErrors", above=0, period_s=10)}


@pytest.mark.parametrize(
    ("update", "steps"),
    [
        (Update("canary", 10, wait_s=5, bake_s=7), [(0.1, 5), (1.0, 7)]),
        (Update("linear", 40, wait_s=5, bake_s=7), [(0.4, 5), (0.8, 5), (1.0, 7)]),
        (Update(bake_s=3), [(1.0, 3)]),
    ],
)
def test_traffic_moves_in_the_steps_that_are_declared(update: Update, steps: list[tuple[float, float]]) -> None:
    assert steps_of(update) == [(pytest.approx(share), seconds) for share, seconds in steps]


def test_an_alarm_rings_when_every_one_of_its_periods_is_above() -> None:
    whole = RequestCounts()
    watched = WatchedCounts(whole)
    now = time.monotonic()
    assert ringing(ERRORS, {"a": watched}, now) is None  # no calls are no reason
    watched.record(0.002, failed=True, refused=True)
    assert ringing(ERRORS, {"a": watched}, time.monotonic()) is None  # the client's own mistake
    watched.record(0.004, failed=True)
    now = time.monotonic()
    told = "alarm errors of a: Sum of Invocation5XXErrors is 1, and more than 0"
    assert ringing(ERRORS, {"a": watched}, now) == told
    assert ringing(ERRORS, {"a": watched}, now + 11) is None
    twice = {"errors": replace(ERRORS["errors"], periods=2)}
    assert ringing(twice, {"a": watched}, now) is None
    slow = {"slow": Alarm("ModelLatency", above=2900, statistic="Average", period_s=10)}
    assert "Average of ModelLatency is 3,000" in str(ringing(slow, {"a": watched}, now))
    assert (whole.invocations, whole.server_errors) == (2, 1)


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A model that fails whatever it is asked, and one of so many trees that it takes its time."""
    folder = tmp_path_factory.mktemp("more")
    good = price_bundle()
    encoder = Encoder.from_json(good.encoder)
    wider = replace(encoder, derived={"twice": Derived("sum", ("Area", "Area"))})
    write_bundle(folder / "broken", replace(good, encoder=wider.to_json()))
    write_bundle(folder / "slow", price_bundle(rounds=3000))
    return {BROKEN: folder / "broken", SLOW: folder / "slow"}


@contextmanager
def asking(host: LocalHost) -> Iterator[list[str]]:
    """Clients that ask all the time; what became of each request."""
    ended, outcomes = threading.Event(), []

    def ask() -> None:
        while not ended.is_set():
            try:
                outcomes.append(host.predict("house", ROWS).variant)
            except (DeploymentError, DataError) as error:
                outcomes.append(f"failed: {error}")

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield outcomes
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("model", "alarm", "reason"),
    [
        (BROKEN, ERRORS["errors"], "Invocation5XXErrors"),
        (SLOW, Alarm("ModelLatency", above=1000, statistic="Average", period_s=10), "ModelLatency"),
    ],
)
def test_a_canary_of_a_failing_or_slow_model_is_rolled_back(
    host: LocalHost, models: Mapping[str, Path], more: Mapping[str, Path], model: str, alarm: Alarm, reason: str
) -> None:
    deploy(host, SINGLE, models)
    update = Update("canary", 20, wait_s=600, alarms={"alarm": alarm})
    with asking(host) as outcomes:
        with pytest.raises(
            RolledBack, match=f"house was rolled back at 20% of the traffic: alarm alarm of .* {reason}"
        ):
            deploy(host, Deployment("house", {"champion": Variant(model)}, update=update), {**models, **more})
        asked = len(outcomes)
    failed = [outcome for outcome in outcomes if outcome.startswith("failed")]
    assert len(failed) <= max(3, 0.6 * asked)
    assert not any(outcome.startswith("failed") for outcome in outcomes[asked + 2 :])
    if model == SLOW:
        assert not failed
    assert RolledBack.exit_code == 6
    current = host.current("house")
    assert current == SINGLE
    status = host.status("house")
    assert status is not None
    assert status.models["champion"]["model"] == GOOD


def test_a_good_model_takes_over_in_steps_without_a_failed_request(host: LocalHost, models: Mapping[str, Path]) -> None:
    deploy(host, SINGLE, models)
    wanted = Deployment("house", {"champion": Variant(OTHER)}, update=Update("linear", 50, wait_s=1, alarms=ERRORS))
    with asking(host) as outcomes:
        deploy(host, wanted, models)
    assert host.current("house") == wanted
    assert set(outcomes) == {"champion"}


def test_a_shadow_gets_a_copy_and_answers_nobody(host: LocalHost, models: Mapping[str, Path]) -> None:
    variants = {"champion": Variant(GOOD), "challenger": Variant(OTHER, shadow=True)}
    deploy(host, Deployment("house", variants, capture=Capture(100)), models)
    assert {host.predict("house", ROWS).variant for _ in range(5)} == {"champion"}
    with pytest.raises(DeploymentError, match="challenger"):
        host.predict("house", ROWS, "challenger")
    deadline = time.monotonic() + 120
    while (status := host.status("house")) is None or status.invocations["challenger"] < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    seen = [one.variant for one in host.captured("house")]
    assert seen.count("challenger") == seen.count("champion") == 5


def test_what_only_a_cloud_has_is_refused(host: LocalHost) -> None:
    overhead = Update(alarms={"slow": Alarm("OverheadLatency", above=1)}, existing_alarms=("mine",))
    with pytest.raises(ConfigError, match=r"update\.existing_alarms, deployment\.update\.alarms\.slow"):
        host.check(replace(SINGLE, update=overhead))
