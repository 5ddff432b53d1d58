"""What is changed behind our back is shown exactly, and put right by the next deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from housing.deployment.changes import describe
from housing.deployment.plan import plan
from housing.deployment.spec import Alarm, Autoscaling, Capture, Deployment, Update, Variant
from housing.targets.sagemaker.hosting.host import SageMakerHost
from housing.testing.host import GOOD, OTHER, ROWS, deploy, destroy
from tests.rehearsal.conftest import Served
from tests.targets.sagemaker.conftest import settings_of

WANTED = Deployment(
    "drifting",
    {
        "scaled": Variant(
            GOOD,
            weight=9,
            instances=2,
            autoscaling=Autoscaling(
                min_instances=2,
                max_instances=3,
                invocations_per_instance_per_minute=600,
                scale_in_cooldown_s=200,
                scale_out_cooldown_s=30,
            ),
        ),
        "fixed": Variant(OTHER, weight=1),
    },
    interface="encoded",
    capture=Capture(percent=20),
    update=Update(wait_s=0, alarms={"errors": Alarm("Invocation5XXErrors", above=5)}, existing_alarms=("theirs",)),
)


@pytest.fixture(scope="module")
def host(rehearsal: Served, models: Mapping[str, Path]) -> Iterator[SageMakerHost]:
    """One endpoint for all tests: each ends with the deployment that it began with."""
    rehearsal.client("cloudwatch").put_metric_alarm(
        AlarmName="theirs",
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1e9,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    host = SageMakerHost(settings_of(rehearsal))
    deploy(host, WANTED, models)
    yield host
    destroy(host, "drifting")


class Console:
    """A person with the console: changes what housing made, with a client of their own."""

    def __init__(self, rehearsal: Served) -> None:
        self._client = rehearsal.client
        self.sagemaker = rehearsal.client("sagemaker")

    def weights(self, **wanted: Any) -> None:
        each = [{"VariantName": name, **change} for name, change in wanted.items()]
        self.sagemaker.update_endpoint_weights_and_capacities(EndpointName="drifting", DesiredWeightsAndCapacities=each)
        self._wait()

    def scale(self, **changes: Any) -> None:
        self._client("application-autoscaling").register_scalable_target(**_SCALED, **changes)

    def policy(self, **changes: Any) -> None:
        rule = {
            "TargetValue": 600.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleInCooldown": 200,
            "ScaleOutCooldown": 30,
        }
        self._client("application-autoscaling").put_scaling_policy(
            **_SCALED,
            PolicyName="housing",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=rule | changes,
        )

    def unscale(self) -> None:
        self._client("application-autoscaling").deregister_scalable_target(**_SCALED)

    def forget_policy(self) -> None:
        self._client("application-autoscaling").delete_scaling_policy(**_SCALED, PolicyName="housing")

    def alarm(self, **changes: Any) -> None:
        client = self._client("cloudwatch")
        found = client.describe_alarms(AlarmNames=["drifting/errors/fixed"])["MetricAlarms"][0]
        keys = client.meta.service_model.operation_model("PutMetricAlarm").input_shape.members.keys() & found.keys()
        client.put_metric_alarm(**{key: found[key] for key in keys} | changes)

    def forget_alarm(self) -> None:
        self._client("cloudwatch").delete_alarms(AlarmNames=["drifting/errors/scaled"])

    def tag(self, key: str, value: str) -> None:
        self.sagemaker.add_tags(ResourceArn=self._arn, Tags=[{"Key": key, "Value": value}])

    def configure(self, change: Callable[[dict[str, Any]], None], *, retain: bool = True) -> None:
        """Another configuration, made from the one in service."""
        described = self.sagemaker.describe_endpoint(EndpointName="drifting")
        config = self.sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        names = ("ProductionVariants", "DataCaptureConfig", "AsyncInferenceConfig")
        request = {name: config[name] for name in names if name in config}
        change(request)
        name = f"by-hand-{uuid4().hex[:8]}"
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, **request)
        self.sagemaker.update_endpoint(
            EndpointName="drifting",
            EndpointConfigName=name,
            RetainAllVariantProperties=retain,
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}] if retain else [],
        )
        self._wait()

    def image(self, request: dict[str, Any]) -> None:
        """A model of nobody's, in the place of ours."""
        variant = request["ProductionVariants"][1]
        model = self.sagemaker.describe_model(ModelName=variant["ModelName"])
        container = {key: model["PrimaryContainer"][key] for key in ("Image", "ModelDataUrl")}
        self.sagemaker.create_model(
            ModelName="by-hand", PrimaryContainer=container, ExecutionRoleArn=model["ExecutionRoleArn"]
        )
        variant["ModelName"] = "by-hand"

    @property
    def _arn(self) -> str:
        return str(self.sagemaker.describe_endpoint(EndpointName="drifting")["EndpointArn"])

    def _wait(self) -> None:
        self.sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName="drifting", WaiterConfig={"Delay": 0.05, "MaxAttempts": 600}
        )


_SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/drifting/variant/scaled",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


def _variant(index: int, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda request: request["ProductionVariants"][index].update(changes)


MUTATIONS: dict[str, tuple[Callable[[Console], None], list[str]]] = {
    "weight": (lambda c: c.weights(fixed={"DesiredWeight": 3}), ["~     weight: 3 -> 1"]),
    "instances": (lambda c: c.weights(fixed={"DesiredInstanceCount": 3}), ["~     instances: 3 -> 1"]),
    "instance_type": (
        lambda c: c.configure(_variant(1, InstanceType="ml.c5.xlarge")),
        ["~     instance_type: ml.c5.xlarge -> ml.m5.large"],
    ),
    "model": (lambda c: c.configure(c.image), [f"~     model: sagemaker:by-hand -> {OTHER}"]),
    "autoscaling": (
        lambda c: c.unscale(),
        [
            "+     autoscaling.max_instances: 3",
            "+     autoscaling.invocations_per_instance_per_minute: 600",
            "+     autoscaling.min_instances: 2",
            "+     autoscaling.scale_in_cooldown_s: 200",
            "+     autoscaling.scale_out_cooldown_s: 30",
        ],
    ),
    "autoscaling.max_instances": (lambda c: c.scale(MaxCapacity=7), ["~     autoscaling.max_instances: 7 -> 3"]),
    "autoscaling.min_instances": (lambda c: c.scale(MinCapacity=1), ["~     autoscaling.min_instances: 1 -> 2"]),
    "autoscaling.invocations_per_instance_per_minute": (
        lambda c: c.policy(TargetValue=50.0),
        ["~     autoscaling.invocations_per_instance_per_minute: 50 -> 600"],
    ),
    "autoscaling.scale_in_cooldown_s": (
        lambda c: c.policy(ScaleInCooldown=1),
        ["~     autoscaling.scale_in_cooldown_s: 1 -> 200"],
    ),
    "autoscaling.scale_out_cooldown_s": (
        lambda c: c.policy(ScaleOutCooldown=1),
        ["~     autoscaling.scale_out_cooldown_s: 1 -> 30"],
    ),
    "capture.percent": (
        lambda c: c.configure(lambda r: r["DataCaptureConfig"].update(InitialSamplingPercentage=90)),
        ["~     capture.percent: 90 -> 20"],
    ),
    "capture": (lambda c: c.configure(lambda r: r.pop("DataCaptureConfig")), ["+     capture.percent: 20"]),
    "update.strategy": (
        lambda c: c.tag("housing:update", "strategy=linear step_percent=10 wait_s=0 bake_s=0"),
        ["~     update.strategy: linear -> all_at_once"],
    ),
    "update.existing_alarms": (
        lambda c: c.tag("housing:alarm.0", "another"),
        ["~     update.existing_alarms: another -> theirs"],
    ),
    "update.alarms.above": (lambda c: c.alarm(Threshold=99.0), ["~     update.alarms.errors.above: 99 -> 5"]),
    "update.alarms.metric": (
        lambda c: c.alarm(MetricName="ModelLatency"),
        ["~     update.alarms.errors.metric: ModelLatency -> Invocation5XXErrors"],
    ),
    "update.alarms": (
        lambda c: c.forget_alarm(),
        [
            "+     update.alarms.errors.metric: Invocation5XXErrors",
            "+     update.alarms.errors.above: 5",
            "+     update.alarms.errors.statistic: Sum",
            "+     update.alarms.errors.period_s: 60",
            "+     update.alarms.errors.periods: 1",
        ],
    ),
}


def test_every_field_of_variants_and_scaling_is_mutated() -> None:
    unlike = {"serverless", "shadow"}  # of an endpoint that stays what it is
    wanted = {f.name for f in fields(Variant)} - unlike
    assert wanted | {f"autoscaling.{f.name}" for f in fields(Autoscaling)} <= MUTATIONS.keys()


@pytest.mark.parametrize("field", MUTATIONS)
def test_what_was_changed_by_hand_is_shown_exactly_and_put_right(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path], field: str
) -> None:
    mutate, shown = MUTATIONS[field]
    mutate(Console(rehearsal))
    current = host.current("drifting")
    lines = describe(WANTED, current).lines
    assert [line for line in lines if not line.startswith(("~ variant", "~ endpoint"))] == shown
    deploy(host, WANTED, models)
    assert plan(WANTED, host.current("drifting")) == ()
    assert not describe(WANTED, host.current("drifting"))


def test_weights_and_counts_alone_keep_the_fleet_that_serves(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path]
) -> None:
    client = rehearsal.client("sagemaker")
    before = client.describe_endpoint(EndpointName="drifting")["EndpointConfigName"]
    heavier = replace(WANTED.variants["fixed"], weight=5, instances=2)
    wanted = replace(WANTED, variants={**WANTED.variants, "fixed": heavier})
    deploy(host, wanted, models)
    assert host.current("drifting") == wanted
    assert client.describe_endpoint(EndpointName="drifting")["EndpointConfigName"] == before
    deploy(host, WANTED, models)


def test_a_strange_scaling_rule_is_shown_as_none_and_replaced(
    rehearsal: Served, host: SageMakerHost, models: Mapping[str, Path]
) -> None:
    Console(rehearsal).forget_policy()
    assert any("autoscaling" in line for line in describe(WANTED, host.current("drifting")).lines)
    deploy(host, WANTED, models)
    assert host.current("drifting") == WANTED
    assert host.predict("drifting", ROWS).values
