"""The steps of a plan, taken at SageMaker one at a time; each returns when it is done, or raises if rolled back."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.deployment.plan import (
    Action,
    CreateEndpoint,
    DeleteEndpoint,
    ReplaceVariants,
    SetUpdate,
    SetWeightsAndCapacities,
    StartScaling,
    StopScaling,
)
from housing.deployment.spec import Deployment
from housing.errors import CloudError, DeploymentError
from housing.targets.sagemaker.hosting import alarms, live, requests, scaling
from housing.targets.sagemaker.hosting.cleanup import Cleanup
from housing.targets.sagemaker.hosting.endpoints import BROKEN, Endpoints, Snapshot, is_missing
from housing.targets.sagemaker.hosting.names import tags
from housing.targets.sagemaker.hosting.requests import ALARM_TAG
from housing.targets.sagemaker.hosting.resources import EndpointResources
from housing.targets.sagemaker.refusals import translated

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients


class Steps:
    """Takes the actions of one host."""

    def __init__(self, clients: Clients, endpoints: Endpoints, resources: EndpointResources, cleanup: Cleanup) -> None:
        self._clients = clients
        self._endpoints = endpoints
        self._resources = resources
        self._cleanup = cleanup

    def take(self, action: Action, models: Mapping[str, Path]) -> None:
        """Raises CloudError, with the reason, also for an update that SageMaker has rolled back."""
        match action:
            case CreateEndpoint(deployment):
                self._create(deployment, models)
            case ReplaceVariants(deployment):
                self._replace(deployment, models)
            case SetUpdate(endpoint, update):
                self._set_update(replace(self._deployed(endpoint), update=update))
            case SetWeightsAndCapacities():
                self._set_weights(action)
            case StartScaling(endpoint, variant, rule):
                with translated("application-autoscaling"):
                    client = self._clients("application-autoscaling")
                    client.register_scalable_target(**scaling.register(endpoint, variant, rule))
                    client.put_scaling_policy(**scaling.put_policy(endpoint, variant, rule))
            case StopScaling(endpoint, variant):
                self._cleanup.stop_scaling(endpoint, [variant])
            case DeleteEndpoint(endpoint):
                self._delete(endpoint)

    def _create(self, deployment: Deployment, models: Mapping[str, Path]) -> None:
        endpoint = deployment.endpoint
        found = self._endpoints.settled(endpoint)
        if found is not None and found["EndpointStatus"] not in BROKEN:
            raise DeploymentError(f"endpoint {endpoint} exists already; plan again")
        if found is not None:
            self._endpoints.snapshot(found)  # raises for one that is not ours
            self._end(endpoint)
        self._cleanup.begin(endpoint)
        config = self._resources.configure(deployment, models)
        self._resources.put_alarms(deployment, list(deployment.variants))
        began = time.time()
        with translated("sagemaker"):
            self._clients("sagemaker").create_endpoint(
                **requests.create_endpoint(self._resources.defaults, deployment, config["EndpointConfigName"])
            )
        self._arrive(deployment, config, since=began)

    def _replace(self, deployment: Deployment, models: Mapping[str, Path]) -> None:
        """Update the endpoint; ends the scaling of variants that SageMaker could otherwise not remove or change."""
        endpoint = deployment.endpoint
        snapshot = self._in_service(endpoint)
        if snapshot.config is None:
            raise DeploymentError(
                f"{endpoint}: somebody deleted its configuration {snapshot.endpoint['EndpointConfigName']}, and "
                "SageMaker updates no endpoint without one; `housing destroy`, then `housing deploy`"
            )
        self._cleanup.begin(endpoint)
        configured = {v["VariantName"]: v for v in snapshot.config["ProductionVariants"]}
        changed = [
            name
            for name, old in configured.items()
            if name not in deployment.variants
            or deployment.variants[name].shadow
            or old.get("InstanceType") != deployment.variants[name].instance_type
        ]
        self._cleanup.stop_scaling(endpoint, changed)
        beside = snapshot.endpoint["EndpointConfigName"]
        config = self._resources.configure(deployment, models, beside=beside)
        # Alarms watch both old and new variants while both serve.
        self._set_update(deployment)
        began = time.time()
        with translated("sagemaker"):
            self._clients("sagemaker").update_endpoint(
                **requests.update_endpoint(deployment, config["EndpointConfigName"], _watched(deployment))
            )
        self._arrive(deployment, config, since=began)

    def _arrive(self, deployment: Deployment, config: Mapping[str, Any], *, since: float) -> None:
        """Wait until it is in service, compare it with the deployment, and remove what is no longer in use."""
        endpoint, wanted = deployment.endpoint, config["EndpointConfigName"]
        found = self._endpoints.settled(endpoint)
        if found is None:
            raise CloudError(f"endpoint {endpoint} was deleted while it was being changed")
        if found["EndpointStatus"] in BROKEN:
            raise CloudError(f"endpoint {endpoint} failed: {self._endpoints.why_it_failed(found, since=since)}")
        snapshot = self._endpoints.snapshot(found)
        arrived = found["EndpointConfigName"] == wanted
        reason = "" if arrived else self._why_taken_back(deployment, found, since=since)
        served = live.variants(found)
        names = alarms.names(endpoint, deployment.update.alarms, served)
        self._cleanup.remove_alarms(endpoint, but=names)
        self._cleanup.sweep(
            endpoint,
            config=found["EndpointConfigName"],
            models=snapshot.models,
            archives=[one["archive"] for one in snapshot.by_variant.values()],
        )
        if not arrived:
            raise CloudError(
                f"endpoint {endpoint}: SageMaker rolled the update back and serves what it served before: {reason}"
            )

    def _why_taken_back(self, deployment: Deployment, found: Mapping[str, Any], *, since: float) -> str:
        ringing = self._endpoints.ringing(_watched(deployment))
        why = self._endpoints.why_it_failed(found, since=since)
        return (f"alarm {', '.join(ringing)} rang; " if ringing else "") + why

    def _set_update(self, deployment: Deployment) -> None:
        """Write the update strategy as tags, and create alarms for the deployment's variants and those in service."""
        endpoint = deployment.endpoint
        snapshot = self._in_service(endpoint)
        wanted = requests.update_tags(deployment.update)
        # An unused tag is emptied: removing it would need one more permission.
        wanted |= dict.fromkeys((k for k in snapshot.tags if k.startswith(ALARM_TAG) and k not in wanted), "")
        arn, client = snapshot.endpoint["EndpointArn"], self._clients("sagemaker")
        with translated("sagemaker"):
            if any(snapshot.tags.get(key) != value for key, value in wanted.items()):
                client.add_tags(ResourceArn=arn, Tags=tags(wanted))
        served = live.variants(snapshot.endpoint)
        both = [*deployment.variants, *(name for name in served if name not in deployment.variants)]
        self._resources.put_alarms(deployment, both)
        self._cleanup.remove_alarms(endpoint, but=alarms.names(endpoint, deployment.update.alarms, both))

    def _set_weights(self, action: SetWeightsAndCapacities) -> None:
        began = time.time()
        snapshot = self._in_service(action.endpoint)
        request = requests.update_weights_and_capacities(action)
        with translated("sagemaker"):
            self._clients("sagemaker").update_endpoint_weights_and_capacities(**request)
        found = self._endpoints.settled(action.endpoint)
        if found is None:
            raise CloudError(f"endpoint {action.endpoint} was deleted while it was being changed")
        now = self._endpoints.deployment(replace(snapshot, endpoint=found)).variants
        left = [
            *(f"weight of {n}: {now[n].weight}" for n, w in action.weights.items() if now[n].weight != w),
            *(f"instances of {n}: {now[n].instances}" for n, c in action.instances.items() if now[n].instances != c),
        ]
        if left:
            why = self._endpoints.why_it_failed(found, since=began)
            raise CloudError(f"endpoint {action.endpoint}: SageMaker rolled the change back ({', '.join(left)}): {why}")

    def _delete(self, endpoint: str) -> None:
        """Remove whatever exists of it, also after a command that was killed halfway."""
        found = self._endpoints.settled(endpoint)
        if found is not None:
            self._endpoints.snapshot(found)  # raises for one that is not ours
            self._cleanup.stop_scaling(endpoint)
            self._end(endpoint)
        self._cleanup.remove(endpoint)

    def _end(self, endpoint: str) -> None:
        try:
            with translated("sagemaker"):
                self._clients("sagemaker").delete_endpoint(EndpointName=endpoint)
        except CloudError as error:
            if not is_missing(error):
                raise
        if self._endpoints.settled(endpoint) is not None:
            raise CloudError(f"endpoint {endpoint} was not deleted; try again")

    def _deployed(self, endpoint: str) -> Deployment:
        return self._endpoints.deployment(self._in_service(endpoint))

    def _in_service(self, endpoint: str) -> Snapshot:
        found = self._endpoints.settled(endpoint)
        if found is None or found["EndpointStatus"] in BROKEN:
            raise DeploymentError(f"endpoint {endpoint} does not exist; plan again")
        return self._endpoints.snapshot(found)


def _watched(deployment: Deployment) -> list[str]:
    """Names of the alarms that roll back an update."""
    update = deployment.update
    return [*alarms.names(deployment.endpoint, update.alarms, deployment.variants), *update.existing_alarms]
