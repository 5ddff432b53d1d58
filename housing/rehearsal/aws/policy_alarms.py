"""The alarms of a scaling policy on a variant, which moto creates for DynamoDB and ECS only.

As in Application Auto Scaling, they are created, replaced and deleted with the policy.
"""

from __future__ import annotations

from typing import Any

OUT_PERIODS = 3
IN_PERIODS = 15
IN_BELOW = 0.9
"""A policy scales in while its metric is below this fraction of the target value."""

_HIGH, _LOW = ("High", "GreaterThanThreshold", OUT_PERIODS, 1.0), ("Low", "LessThanThreshold", IN_PERIODS, IN_BELOW)
_PREDEFINED = ("InvocationsPerInstance", "AWS/SageMaker", "Sum")


def correct() -> None:
    """Patch moto to create them, in this process."""
    from moto.applicationautoscaling import models

    made, put = models.FakeApplicationAutoscalingPolicy, models.ApplicationAutoscalingBackend.put_scaling_policy
    if put.__module__ == __name__:
        return

    def put_scaling_policy(self: Any, *names: Any, **members: Any) -> Any:
        before = dict(self.policies)
        policy = put(self, *names, **members)
        for key, old in before.items():
            if self.policies.get(key) is not old:
                old.delete_alarms(self.account_id, self.region_name)
        return policy

    put_scaling_policy.__module__ = __name__
    models.ApplicationAutoscalingBackend.put_scaling_policy = put_scaling_policy
    made.create_alarms = _create_alarms


def _create_alarms(policy: Any) -> None:
    tracking = policy.target_tracking_scaling_policy_configuration
    if policy.service_namespace != "sagemaker" or not tracking:
        return
    from moto.cloudwatch.models import cloudwatch_backends
    from moto.moto_api._internal import mock_random

    metric, space, statistic = _PREDEFINED
    _, endpoint, _, variant = policy.resource_id.split("/")
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    if custom := tracking.get("CustomizedMetricSpecification"):
        if "MetricName" not in custom:  # metric math, which would have to be evaluated
            return
        metric, space, statistic = custom["MetricName"], custom["Namespace"], custom["Statistic"]
        dimensions = list(custom.get("Dimensions", []))
    kinds = (_HIGH,) if tracking.get("DisableScaleIn") else (_HIGH, _LOW)
    action = f"{policy.policy_arn}:createdBy/{mock_random.uuid4()}"
    policy.alarms += [
        cloudwatch_backends[policy.account_id][policy.region_name].put_metric_alarm(
            name=f"TargetTracking-{policy.resource_id}-Alarm{kind}-{mock_random.uuid4()}",
            namespace=space,
            metric_name=metric,
            metric_data_queries=[],
            comparison_operator=comparison,
            evaluation_periods=periods,
            period=60,
            threshold=float(tracking["TargetValue"]) * part,
            statistic=statistic,
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.policy_arn}.",
            dimensions=dimensions,
            alarm_actions=[action],
        )
        for kind, comparison, periods, part in kinds
    ]
