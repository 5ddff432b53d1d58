"""CloudWatch alarms on invocation metrics, evaluated by the rehearsal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from housing.rehearsal.serving.metering import statistic
from tests.rehearsal.conftest import Served
from tests.rehearsal.serving.shop import Shop, variant


@pytest.fixture(scope="module")
def shop(rehearsal: Served) -> Shop:
    return Shop(rehearsal)


@pytest.fixture(scope="module")
def endpoint(shop: Shop) -> str:
    return shop.endpoint(variant(shop.model()))


@pytest.fixture(autouse=True)
def short_minutes(settings: Any) -> Iterator[None]:
    settings(speed=60)
    yield


def test_an_alarm_follows_its_metric_and_comes_back(shop: Shop, endpoint: str) -> None:
    alarm = _alarm(shop, endpoint, TreatMissingData="notBreaching")
    assert _state(shop, alarm, "OK")
    for _ in range(3):
        with pytest.raises(ClientError):
            shop.invoke(endpoint, Body=b"no numbers")
    assert _state(shop, alarm, "ALARM")
    assert _state(shop, alarm, "OK")


def test_without_data_an_alarm_cannot_tell(shop: Shop, endpoint: str) -> None:
    assert _state(shop, _alarm(shop, endpoint, Dimensions=_dimensions(endpoint, "nobody")), "INSUFFICIENT_DATA")
    breaching = _alarm(shop, endpoint, Dimensions=_dimensions(endpoint, "nobody"), TreatMissingData="breaching")
    assert _state(shop, breaching, "ALARM")


def test_some_of_the_periods_may_be_enough(shop: Shop, endpoint: str) -> None:
    some = _alarm(shop, endpoint, EvaluationPeriods=5, DatapointsToAlarm=1, TreatMissingData="notBreaching")
    every = _alarm(shop, endpoint, EvaluationPeriods=5, TreatMissingData="notBreaching")
    with pytest.raises(ClientError):
        shop.invoke(endpoint, Body=b"no numbers")
    assert _state(shop, some, "ALARM")
    assert _state(shop, every, "OK")


def test_a_percentile_of_the_latency_can_be_watched(shop: Shop, endpoint: str) -> None:
    alarm = _alarm(shop, endpoint, MetricName="ModelLatency", Statistic=None, ExtendedStatistic="p90", Threshold=1)
    shop.invoke(endpoint)
    assert _state(shop, alarm, "ALARM")


def test_what_is_set_by_hand_stays_until_the_metric_says_something_new(shop: Shop, endpoint: str) -> None:
    alarm = _alarm(shop, endpoint, Dimensions=_dimensions(endpoint, "nobody"), TreatMissingData="notBreaching")
    assert _state(shop, alarm, "OK")
    time.sleep(0.6)
    cloudwatch = shop.served.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
    time.sleep(1.2)
    assert _state(shop, alarm, "ALARM")


@pytest.mark.parametrize(
    ("name", "value"),
    [("Sum", 10), ("Average", 2.5), ("Minimum", 1), ("Maximum", 4), ("SampleCount", 4), ("p50", 2.5), ("p100", 4)],
)
def test_statistics_are_cloudwatchs(name: str, value: float) -> None:
    assert statistic([4.0, 1.0, 3.0, 2.0], name) == value


def test_every_filter_of_the_description_counts(shop: Shop) -> None:
    cloudwatch = shop.served.client("cloudwatch")
    silent, ringing = (_alarm(shop, "nowhere", TreatMissingData="ignore") for _ in range(2))
    cloudwatch.set_alarm_state(AlarmName=ringing, StateValue="ALARM", StateReason="by hand")

    def told(**filters: Any) -> set[str]:
        answer = cloudwatch.describe_alarms(**filters)
        return {each["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for each in answer[kind]}

    both = [silent, ringing]
    assert told(AlarmNames=both) == set(both)
    assert told(AlarmNames=both, StateValue="ALARM") == {ringing}
    assert told(AlarmNamePrefix=silent, StateValue="ALARM") == set()
    assert told(AlarmNames=both, AlarmTypes=["CompositeAlarm"]) == set()
    assert told(AlarmNames=both, AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == set(both)


def _alarm(shop: Shop, endpoint: str, **change: Any) -> str:
    name = shop.name("alarm")
    about = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation4XXErrors",
        "Dimensions": _dimensions(endpoint, "AllTraffic"),
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        **change,
    }
    wanted = {key: value for key, value in about.items() if value is not None}
    shop.served.client("cloudwatch").put_metric_alarm(AlarmName=name, **wanted)
    return name


def _dimensions(endpoint: str, variant_name: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant_name}]


def _state(shop: Shop, alarm: str, wanted: str) -> bool:
    """Whether the alarm comes to this state; the deadline is for one that never does."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        (about,) = shop.served.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        if about["StateValue"] == wanted:
            return True
        time.sleep(0.05)
    return False
