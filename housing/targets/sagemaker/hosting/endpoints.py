"""The current state of endpoints at SageMaker: described, waited for, and read back into deployments."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.deployment.spec import Alarm, Autoscaling, Deployment
from housing.errors import CloudError, DeploymentError
from housing.shell import setting
from housing.targets.sagemaker.hosting import live
from housing.targets.sagemaker.hosting.alarms import read_alarms
from housing.targets.sagemaker.hosting.names import ENDPOINT_TAG, of_tags, variant_resource
from housing.targets.sagemaker.hosting.scaling import read_scaling, scalable
from housing.targets.sagemaker.refusals import MISSING, code, message, translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients

IN_TRANSITION = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
BROKEN = ("Failed", "OutOfService")
"""Statuses of endpoints that cannot be updated."""

LOG_GROUP = "/aws/sagemaker/Endpoints"
_LINES = 5


@dataclass(frozen=True)
class Snapshot:
    """One endpoint as SageMaker describes it; `models` by name, `config` None when it was deleted."""

    endpoint: Mapping[str, Any]
    config: Mapping[str, Any] | None
    models: Mapping[str, Mapping[str, Any]]
    tags: Mapping[str, str]

    @property
    def by_variant(self) -> dict[str, dict[str, str]]:
        """What each variant serves, as `live.served` reads it."""
        configured = live.by_variant(self.config or {})
        return {
            name: live.served(self.models.get(variant["ModelName"], {"ModelName": variant["ModelName"]}))
            for name, variant in configured.items()
        }


class Endpoints:
    """Read-only; raises CloudError for refusals."""

    def __init__(self, clients: Clients, *, poll_s: float) -> None:
        self._clients = clients
        self._poll_s = poll_s

    def describe(self, endpoint: str) -> Mapping[str, Any] | None:
        """DescribeEndpoint's answer; None when there is no such endpoint."""
        return self._described("endpoint", EndpointName=endpoint)

    def settled(self, endpoint: str) -> Mapping[str, Any] | None:
        """As `describe`, once no change is in progress, however long that takes: SageMaker limits it."""
        found = self.describe(endpoint)
        while found is not None and found["EndpointStatus"] in IN_TRANSITION:
            time.sleep(self._poll_s)
            found = self.describe(endpoint)
        return found

    def snapshot(self, endpoint: Mapping[str, Any]) -> Snapshot:
        """Everything that an endpoint is made of. Raises DeploymentError when it is not one of ours."""
        tags = self.tags(endpoint["EndpointArn"])
        name = endpoint["EndpointName"]
        if tags.get(ENDPOINT_TAG) != name:
            raise DeploymentError(
                f"endpoint {name} exists and was not made by housing: it has no tag {ENDPOINT_TAG}={name}. "
                "Give yours another name: deployment.endpoint=..."
            )
        config = self._described("endpoint_config", EndpointConfigName=endpoint["EndpointConfigName"])
        names = {variant["ModelName"] for variant in live.by_variant(config or {}).values()}
        models = {name: self._described("model", ModelName=name) for name in sorted(names)}
        return Snapshot(endpoint, config, {name: model for name, model in models.items() if model}, tags)

    def deployment(self, snapshot: Snapshot) -> Deployment:
        """What a snapshot serves, with its scaling and alarms."""
        name = snapshot.endpoint["EndpointName"]
        try:
            return live.deployment(
                snapshot.endpoint,
                snapshot.config,
                snapshot.models,
                scaling=self.scaling(name, live.variants(snapshot.endpoint)),
                alarms=self.alarms(name, live.variants(snapshot.endpoint)),
                tags=snapshot.tags,
            )
        except ValueError as error:
            raise DeploymentError(
                f"endpoint {name} was changed into something that housing cannot describe: {error}; destroy it",
                way_out=("destroy", setting("deployment.endpoint", name)),
            ) from error

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of any SageMaker resource."""
        with translated("sagemaker"):
            pages = self._clients("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
            return of_tags([tag for page in pages for tag in page["Tags"]])

    def scaling(self, endpoint: str, variants: Sequence[str]) -> dict[str, Autoscaling]:
        """The autoscaling of those variants whose scaling has housing's form."""
        found: dict[str, Autoscaling] = {}
        names = {variant_resource(endpoint, variant): variant for variant in variants}
        for target in self.scalable_targets(endpoint):
            variant = names.get(target["ResourceId"])
            if variant is None:
                continue
            with translated("application-autoscaling"):
                policies = self._clients("application-autoscaling").describe_scaling_policies(
                    **scalable(endpoint, variant)
                )["ScalingPolicies"]
            scaling = read_scaling(target, policies)
            if scaling:
                found[variant] = scaling
        return found

    def scalable_targets(self, endpoint: str) -> list[Mapping[str, Any]]:
        """All scalable targets of an endpoint, also those of variants that no longer exist."""
        with translated("application-autoscaling"):
            pages = self._clients("application-autoscaling").get_paginator("describe_scalable_targets")
            found = [
                target for page in pages.paginate(ServiceNamespace="sagemaker") for target in page["ScalableTargets"]
            ]
        return [target for target in found if target["ResourceId"].startswith(f"endpoint/{endpoint}/variant/")]

    def alarms(self, endpoint: str, variants: Sequence[str]) -> dict[str, Alarm]:
        """The alarms of housing that watch all of these variants."""
        return read_alarms(endpoint, variants, self.all_alarms(endpoint))

    def all_alarms(self, endpoint: str) -> list[Mapping[str, Any]]:
        """All alarms that have the name of an alarm of this endpoint."""
        with translated("cloudwatch"):
            pages = self._clients("cloudwatch").get_paginator("describe_alarms")
            found = pages.paginate(AlarmNamePrefix=f"{endpoint}/", AlarmTypes=["MetricAlarm"])
            return [alarm for page in found for alarm in page["MetricAlarms"]]

    def ringing(self, alarms: Sequence[str]) -> list[str]:
        """Which of these alarms, including composite ones, are in state ALARM, in the given order."""
        if not alarms:
            return []
        with translated("cloudwatch"):
            answer = self._clients("cloudwatch").describe_alarms(
                AlarmNames=[*alarms], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        # States are compared here: not every implementation of the API applies StateValue beside AlarmNames.
        found = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
        states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
        return [name for name in alarms if states.get(name) == "ALARM"]

    def why_it_failed(self, endpoint: Mapping[str, Any], *, since: float) -> str:
        """SageMaker's reason, and the last lines that its containers logged; `since` in seconds since 1970."""
        reason = endpoint.get("FailureReason") or "SageMaker gives no reason"
        lines = self._last_lines(endpoint["EndpointName"], since)
        return reason + ("".join(f"\n    {line}" for line in ("", "its log ends with", *lines)) if lines else "")

    def _last_lines(self, endpoint: str, since: float) -> list[str]:
        try:
            with translated("logs"):
                pages = self._clients("logs").get_paginator("filter_log_events")
                found = [
                    event
                    for page in pages.paginate(
                        logGroupName=f"{LOG_GROUP}/{endpoint}",
                        startTime=int(since * 1000),
                        PaginationConfig={"MaxItems": 1000},
                    )
                    for event in page["events"]
                ]
        except CloudError as error:
            if code(error.__cause__) in MISSING:
                return []
            raise
        return [event["message"].rstrip() for event in found[-_LINES:]]

    def _described(self, kind: str, **name: str) -> dict[str, Any] | None:
        found: list[dict[str, Any]] = []
        with missing_as_none("sagemaker"):
            found.append(getattr(self._clients("sagemaker"), f"describe_{kind}")(**name))
        return found[0] if found else None


@contextmanager
def missing_as_none(service: str) -> Iterator[None]:
    """Like `translated`, but ends the block without an error when what it asks for does not exist."""
    try:
        with translated(service):
            yield
    except CloudError as error:
        if not is_missing(error):
            raise


def is_missing(error: CloudError) -> bool:
    """Whether it means "not found": SageMaker uses the code of all invalid requests, so only the message says."""
    cause = error.__cause__
    found = code(cause)
    words = message(cause) if found else ""
    return found in (*MISSING, "ObjectNotFoundException") or (
        found == "ValidationException" and (words.startswith("Could not find") or "does not exist" in words)
    )
