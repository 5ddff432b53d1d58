"""What goes wrong while an endpoint is changed: told with its reason, and the last good configuration serves on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from housing.deployment.spec import Alarm, Deployment, Serverless, Update, Variant
from housing.errors import CloudError, DeploymentError
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.testing.host import GOOD, OTHER, ROWS, deploy, destroy
from housing.training.artifact import read_bundle, write_bundle
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of

BROKEN = "models:/price/3"
PLAIN = Deployment("fragile", {"champion": Variant(GOOD)}, interface="encoded")


@pytest.fixture(scope="module")
def broken(models: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The models, and one whose file no XGBoost can read."""
    folder = tmp_path_factory.mktemp("broken") / "3"
    good = read_bundle(models[GOOD])
    write_bundle(folder, replace(good, model=b"no model at all"))
    return {**models, BROKEN: folder}


@pytest.fixture
def asking(rehearsal: Served) -> Iterator[Callable[[], list[str]]]:
    """Clients that ask the endpoint all the while; what is returned is everything that went wrong for them."""
    ended, faults, answered = threading.Event(), [], []

    def ask() -> None:
        client = rehearsal.client("sagemaker-runtime")
        while not ended.is_set():
            try:
                answer = client.invoke_endpoint(EndpointName="fragile", ContentType="text/csv", Body="900,0,0,1,1,0")
                answered.append(answer["InvokedProductionVariant"])
            except Exception as error:
                faults.append(str(error))
            time.sleep(0.01)

    thread = threading.Thread(target=ask)

    def begin() -> list[str]:
        thread.start()
        return faults

    yield begin
    ended.set()
    if thread.ident:
        thread.join()
        assert answered


def test_a_model_that_does_not_load_is_taken_back_with_its_reason_and_no_request_notices(
    rehearsal: Served, host: SageMakerHost, broken: Mapping[str, Path], asking: Callable[[], list[str]]
) -> None:
    deploy(host, PLAIN, broken)
    faults = asking()
    with pytest.raises(CloudError, match=r"rolled the update back.*did not pass the ping health check") as failure:
        deploy(host, replace(PLAIN, variants={"champion": Variant(BROKEN)}), broken)
    assert "its log ends with" in str(failure.value)
    assert host.current("fragile") == PLAIN
    assert faults == []
    assert len(_configs(rehearsal)) == 1


def test_a_new_endpoint_that_fails_is_made_anew_by_the_next_deployment(
    host: SageMakerHost, broken: Mapping[str, Path]
) -> None:
    with pytest.raises(CloudError, match=r"fragile failed: .*ping health check"):
        deploy(host, replace(PLAIN, variants={"champion": Variant(BROKEN)}), broken)
    assert host.current("fragile") is None
    deploy(host, PLAIN, broken)
    assert host.predict("fragile", ROWS).variant == "champion"


def test_a_canary_whose_alarm_rings_is_taken_back_and_the_alarm_named(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path]
) -> None:
    alarms = {name: Alarm("Invocations", above=1e9) for name in ("calls", "silent")}
    first = replace(PLAIN, variants={"champion": Variant(GOOD, instances=2)}, update=Update(wait_s=0, alarms=alarms))
    deploy(host, first, models)
    canary = replace(
        first,
        variants={"champion": Variant(OTHER, instances=2)},
        update=Update(strategy="canary", step_percent=50, wait_s=600, alarms=alarms),
    )
    ringing = threading.Thread(target=_ring, args=(rehearsal, "fragile/calls/champion"))
    ringing.start()
    with pytest.raises(CloudError, match="alarm fragile/calls/champion rang") as failure:
        deploy(host, canary, models)
    assert "silent" not in str(failure.value)
    ringing.join()
    current = host.current("fragile")
    assert current is not None
    assert current.variants == first.variants


def test_shadows_and_serverless_variants_are_made_and_read_back(
    host: SageMakerHost, models: Mapping[str, Path]
) -> None:
    shadowed = replace(PLAIN, variants={**PLAIN.variants, "shade": Variant(OTHER, weight=0.5, shadow=True)})
    deploy(host, shadowed, models)
    assert host.current("fragile") == shadowed
    assert {host.predict("fragile", ROWS).variant for _ in range(10)} == {"champion"}
    destroy(host, "fragile")
    function = replace(PLAIN, variants={"champion": Variant(GOOD, serverless=Serverless(1024, 3))})
    deploy(host, function, models)
    assert host.current("fragile") == function
    assert host.predict("fragile", ROWS).variant == "champion"


def test_an_endpoint_of_somebody_else_is_left_alone(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path]
) -> None:
    deploy(host, PLAIN, models)
    client = rehearsal.client("sagemaker")
    config = client.describe_endpoint(EndpointName="fragile")["EndpointConfigName"]
    client.create_endpoint(EndpointName="theirs", EndpointConfigName=config)
    client.get_waiter("endpoint_in_service").wait(EndpointName="theirs", WaiterConfig={"Delay": 0.05})
    for forbidden in (host.current, host.status, lambda name: destroy(host, name)):
        with pytest.raises(DeploymentError, match="not made by housing"):
            forbidden("theirs")
    assert client.describe_endpoint(EndpointName="theirs")["EndpointStatus"] == "InService"
    client.delete_endpoint(EndpointName="theirs")


def test_two_commands_at_once_take_turns_or_say_who_holds_it(rehearsal: Served, host: SageMakerHost) -> None:
    other = SageMakerHost(settings_of(rehearsal))
    order: list[str] = []

    def second() -> None:
        with other.hold("deploying fragile again"):
            order.append("second")

    with host.hold("deploying fragile"):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.8)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


def _configs(rehearsal: Served) -> list[Any]:
    return list(rehearsal.client("sagemaker").list_endpoint_configs(NameContains="fragile")["EndpointConfigs"])


def _ring(rehearsal: Served, alarm: str) -> None:
    """Once the update is under way."""
    client = rehearsal.client("sagemaker")
    while client.describe_endpoint(EndpointName="fragile")["EndpointStatus"] != "Updating":
        time.sleep(0.05)
    rehearsal.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a drill")


def test_an_endpoint_whose_configuration_is_gone_is_told_how_to_be_mended(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path]
) -> None:
    deploy(host, PLAIN, models)
    client = rehearsal.client("sagemaker")
    config = client.describe_endpoint(EndpointName="fragile")["EndpointConfigName"]
    client.delete_endpoint_config(EndpointConfigName=config)
    with pytest.raises(DeploymentError, match="housing destroy"):
        deploy(host, PLAIN, models)
    destroy(host, "fragile")
    deploy(host, PLAIN, models)
    assert host.current("fragile") == PLAIN
