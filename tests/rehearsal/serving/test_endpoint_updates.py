"""Updates of endpoints: weights, fleets, traffic shifting, and everything that is taken back."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.rehearsal.conftest import Served
from tests.rehearsal.serving.shop import Shop, part, variant


@pytest.fixture(scope="module")
def shop(rehearsal: Served) -> Shop:
    return Shop(rehearsal)


def test_weights_and_counts_change_without_a_failed_request_and_keep_the_fleet(shop: Shop) -> None:
    endpoint = shop.endpoint(variant(shop.model(1.0), "blue", 1), variant(shop.model(2.0), "green", 0))
    before = shop.sagemaker.describe_endpoint(EndpointName=endpoint)
    with shop.calling(endpoint) as answers:
        shop.wait_for(answers, 5)
        shop.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": "blue", "DesiredWeight": 0},
                {"VariantName": "green", "DesiredWeight": 3, "DesiredInstanceCount": 2},
            ],
        )
        after = shop.settled(endpoint)
        # The one under way may have been routed before.
        moved = len(answers) + 1
        shop.wait_for(answers, moved + 5)
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    blue, green = after["ProductionVariants"]
    assert (blue["CurrentWeight"], green["CurrentWeight"], green["CurrentInstanceCount"]) == (0, 3, 2)
    assert part(answers[moved:], 2.0) == 1
    assert 0 < part(answers, 1.0) < 1


@pytest.mark.parametrize(
    ("desired", "says"),
    [
        ([{"VariantName": "none", "DesiredWeight": 1}], 'variant name.s. "none" is/are not present within endpoint'),
        ([{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}], "must be 1 or more"),
        ([{"VariantName": "AllTraffic", "DesiredWeight": 1}] * 2, "only once"),
    ],
)
def test_weights_that_make_no_sense_are_refused_as_a_whole(
    shop: Shop, shared: str, desired: list[dict[str, Any]], says: str
) -> None:
    with pytest.raises(ClientError, match=says):
        shop.sagemaker.update_endpoint_weights_and_capacities(EndpointName=shared, DesiredWeightsAndCapacities=desired)
    assert shop.sagemaker.describe_endpoint(EndpointName=shared)["EndpointStatus"] == "InService"


def test_an_update_moves_all_traffic_without_a_failed_request(shop: Shop) -> None:
    endpoint, config = shop.endpoint(variant(shop.model(1.0))), shop.config(variant(shop.model(2.0), "other"))
    with shop.calling(endpoint) as answers:
        time.sleep(0.1)
        shop.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        after = shop.settled(endpoint)
        moved = time.monotonic()
        time.sleep(0.2)
    assert after["EndpointConfigName"] == config
    assert [each["VariantName"] for each in after["ProductionVariants"]] == ["other"]
    assert "FailureReason" not in after
    assert part([a for a in answers if a[0] > moved + 0.1], 2.0) == 1


def test_a_broken_model_is_taken_back_silently_and_nobody_is_sent_to_it(shop: Shop) -> None:
    endpoint = shop.endpoint(variant(shop.model(1.0)))
    before = shop.sagemaker.describe_endpoint(EndpointName=endpoint)
    config = shop.config(variant(shop.model(2.0), "fine"), variant(shop.broken_model(), "dead"))
    with shop.calling(endpoint) as answers:
        shop.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        after = shop.settled(endpoint)
        time.sleep(0.1)
    assert after["EndpointStatus"] == "InService"
    assert after["EndpointConfigName"] == before["EndpointConfigName"]
    assert "production variant dead did not pass the ping health check" in after["FailureReason"]
    assert part(answers, 1.0) == 1


def test_variant_properties_are_retained_only_when_asked(shop: Shop) -> None:
    model = shop.model()
    endpoint = shop.endpoint(variant(model, "kept", 1), variant(model, "gone", 1))
    shop.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "kept", "DesiredWeight": 5, "DesiredInstanceCount": 4}],
    )
    shop.settled(endpoint)
    config = shop.config(variant(model, "kept", 2), variant(model, "new", 3))

    def updated(**more: Any) -> dict[str, tuple[float, int]]:
        shop.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **more)
        live = shop.settled(endpoint)["ProductionVariants"]
        return {each["VariantName"]: (each["CurrentWeight"], each["CurrentInstanceCount"]) for each in live}

    assert updated(RetainAllVariantProperties=True) == {"kept": (5, 4), "new": (3, 1)}
    excluded = [{"VariantPropertyType": "DesiredWeight"}]
    assert updated(RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=excluded) == {
        "kept": (2, 4),
        "new": (3, 1),
    }
    assert updated() == {"kept": (2, 1), "new": (3, 1)}


def test_a_canary_gets_its_part_first_and_then_the_rest(shop: Shop) -> None:
    endpoint, config = shop.endpoint(variant(shop.model(1.0))), shop.config(variant(shop.model(2.0)))
    with shop.calling(endpoint) as answers:
        shop.sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=_canary(wait_s=1)
        )
        pending = _while_updating(shop, endpoint)
        shifted = time.monotonic()
        after = shop.settled(endpoint)
        moved = time.monotonic()
    assert pending["PendingDeploymentSummary"]["EndpointConfigName"] == config
    assert after["LastDeploymentConfig"] == _canary(wait_s=1)
    assert "PendingDeploymentSummary" not in after
    assert moved - shifted >= 1.5
    assert 0.1 < part([a for a in answers if shifted < a[0] < shifted + 0.7], 2.0) < 0.6
    assert part([a for a in answers if moved - 0.6 < a[0]], 2.0) == 1


def test_linear_shifting_goes_in_steps(shop: Shop) -> None:
    endpoint, config = shop.endpoint(variant(shop.model(1.0))), shop.config(variant(shop.model(2.0)))
    routing = {
        "Type": "LINEAR",
        "WaitIntervalInSeconds": 1,
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
    }
    began = time.monotonic()
    shop.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )
    shop.settled(endpoint)
    assert 2 <= time.monotonic() - began < 15


def test_a_fast_clock_shortens_the_waits_of_an_update_and_keeps_its_steps(shop: Shop, settings: Any) -> None:
    settings(speed=1000, start_s=120)
    endpoint, config = shop.endpoint(variant(shop.model(1.0))), shop.config(variant(shop.model(2.0)))
    with shop.calling(endpoint) as answers:
        shop.wait_for(answers, 3)
        shop.sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=_canary(wait_s=600)
        )
        assert shop.settled(endpoint, timeout_s=300)["EndpointConfigName"] == config
        shop.wait_for(answers, len(answers) + 3)
    values = [round(value) for _, value in answers]
    assert values[0] == 1
    assert values[-1] == 2
    assert 1 in values[values.index(2) :], "at first the canary got a part"


def test_a_canary_whose_alarm_fires_is_taken_back(shop: Shop, settings: Any) -> None:
    """The alarm is CloudWatch's own: it looks at the errors of the new fleet."""
    settings(speed=1000)
    script = b"def model_fn(d): return 1\ndef predict_fn(rows, m): 1 / 0\n"
    wrong = shop.model_of(
        {"code/inference.py": script},
        SAGEMAKER_PROGRAM="inference.py",
        SAGEMAKER_SUBMIT_DIRECTORY="/opt/ml/model/code",
    )
    endpoint, config = shop.endpoint(variant(shop.model(1.0))), shop.config(variant(wrong))
    alarm = shop.name("alarm")
    shop.served.client("cloudwatch").put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    before = shop.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    shop.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=_canary(wait_s=300, alarm=alarm)
    )
    failed = 0
    while shop.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] != "InService":
        try:
            shop.invoke(endpoint)
        except ClientError as e:
            assert e.response["Error"]["Code"] == "ModelError"
            failed += 1
    after = shop.sagemaker.describe_endpoint(EndpointName=endpoint)
    assert after["EndpointConfigName"] == before, failed
    assert alarm in after["FailureReason"]
    assert failed > 0
    assert {shop.invoke(endpoint)[0] for _ in range(20)} == {1.0}


def test_an_alarm_that_is_set_by_hand_takes_an_update_back(shop: Shop) -> None:
    endpoint, config = shop.endpoint(variant(shop.model(1.0))), shop.config(variant(shop.model(2.0)))
    alarm = shop.name("alarm")
    cloudwatch = shop.served.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
        ExtendedStatistic="p99",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1e9,
        ComparisonOperator="GreaterThanThreshold",
    )
    shop.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=_canary(wait_s=300, alarm=alarm)
    )
    _while_updating(shop, endpoint)
    while cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"] == "OK":
        time.sleep(0.02)  # moto's first state of an alarm; nobody has looked at it yet
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
    after = shop.settled(endpoint)
    assert alarm in after["FailureReason"]
    assert after["EndpointConfigName"] != config


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 60}}, "between 1 and 50 percent"),
        ({"LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 20}}, "LinearStepSize must be given for"),
        ({"WaitIntervalInSeconds": 3000}, "must not be less than the waits"),
    ],
)
def test_policies_that_make_no_sense_are_refused(shop: Shop, shared: str, change: dict[str, Any], says: str) -> None:
    policy = _canary(wait_s=0)
    policy["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"] |= change
    with pytest.raises(ClientError, match=says):
        shop.sagemaker.update_endpoint(
            EndpointName=shared, EndpointConfigName=_config_of(shop, shared), DeploymentConfig=policy
        )


def test_an_alarm_that_does_not_exist_is_refused(shop: Shop, shared: str) -> None:
    with pytest.raises(ClientError, match="Could not find the CloudWatch alarm"):
        shop.sagemaker.update_endpoint(
            EndpointName=shared,
            EndpointConfigName=_config_of(shop, shared),
            DeploymentConfig=_canary(wait_s=0, alarm="none"),
        )


def test_a_variant_that_scales_must_stay_on_its_type_of_machine(shop: Shop) -> None:
    model = shop.model()
    endpoint = shop.endpoint(variant(model))
    scaling = shop.served.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    for config in (shop.config(variant(model, "other")), shop.config(variant(model, InstanceType="ml.m5.xlarge"))):
        with pytest.raises(ClientError, match='"AllTraffic" must be deregistered as scalable targets'):
            shop.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    same = shop.config(variant(shop.model(9.0)))
    shop.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=same)
    assert shop.settled(endpoint)["EndpointConfigName"] == same
    shop.sagemaker.delete_endpoint(EndpointName=endpoint)
    shop.sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 10}
    )
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []


@pytest.fixture(scope="module")
def shared(shop: Shop) -> str:
    """An endpoint that no test changes."""
    return shop.endpoint(variant(shop.model()))


def _canary(*, wait_s: int, alarm: str | None = None) -> dict[str, Any]:
    routing = {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30},
        "WaitIntervalInSeconds": wait_s,
    }
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": 0,
            "MaximumExecutionTimeoutInSeconds": 1800,
        }
    }
    if alarm is not None:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": alarm}]}
    return config


def _config_of(shop: Shop, endpoint: str) -> str:
    return str(shop.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"])


def _while_updating(shop: Shop, endpoint: str) -> dict[str, Any]:
    """What DescribeEndpoint says as soon as the new fleet is up."""
    while True:
        about: dict[str, Any] = shop.sagemaker.describe_endpoint(EndpointName=endpoint)
        assert about["EndpointStatus"] == "Updating"
        pending = about.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
        if [each["Status"] for each in pending.get("VariantStatus", [])] == ["Baking"]:
            return about
        time.sleep(0.02)
