"""Serve on Amazon SageMaker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from housing.data.extras import Extras
from housing.deployment.plan import Action
from housing.deployment.spec import Deployment
from housing.errors import ConfigError, DeploymentError
from housing.monitoring.captured import CapturedRows
from housing.targets.base import Batch, EndpointStatus, Prediction, PromotedVersion
from housing.targets.sagemaker.clients import Clients
from housing.targets.sagemaker.hosting import live
from housing.targets.sagemaker.hosting.batch import BatchTransform
from housing.targets.sagemaker.hosting.captures import captured
from housing.targets.sagemaker.hosting.cleanup import Cleanup
from housing.targets.sagemaker.hosting.endpoints import BROKEN, Endpoints
from housing.targets.sagemaker.hosting.invocations import Invocations
from housing.targets.sagemaker.hosting.lock import held
from housing.targets.sagemaker.hosting.model_packages import ModelPackages
from housing.targets.sagemaker.hosting.resources import EndpointResources
from housing.targets.sagemaker.hosting.steps import Steps
from housing.targets.sagemaker.hosting.variant_metrics import requests_since_change, variant_metrics
from housing.targets.sagemaker.machines import check_instance_type
from housing.targets.sagemaker.staging import Stage

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings

_DEPLOY_WAITS_S = 90.0  # longer than it takes until the lock of a dead holder is stale


class SageMakerHost:
    """One region of one account; endpoints of one prefix. Every resource has the endpoint's name in its own."""

    def __init__(self, settings: Settings, keys: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._clients = Clients(settings, keys)
        self._stage = Stage(self._clients, settings)
        self._endpoints = Endpoints(self._clients, poll_s=settings.poll_s)
        self._cleanup = Cleanup(self._clients, self._endpoints, prefix=settings.prefix)
        self._resources = EndpointResources(self._clients, self._stage, settings)
        self._steps = Steps(self._clients, self._endpoints, self._resources, self._cleanup)
        self._invocations = Invocations(self._clients, self._endpoints, self._stage, settings)

    def endpoints(self) -> Sequence[str]:
        """Includes endpoints of which only parts are left."""
        return self._cleanup.names()

    def check(self, wanted: Deployment) -> None:
        for name, variant in wanted.variants.items():
            if not variant.serverless:
                key = f"deployment.variants.{name}.instance_type"
                check_instance_type(key, variant.instance_type, "ProductionVariantInstanceType")
            if variant.serverless and self._settings.vpc:
                raise ConfigError(
                    f"deployment.variants.{name}.serverless: SageMaker runs nothing serverless in a VPC; "
                    "host.vpc=null, or instances"
                )
            rule = variant.autoscaling
            for key in ("scale_in_cooldown_s", "scale_out_cooldown_s") if rule else ():
                if not float(getattr(rule, key)).is_integer():
                    raise ConfigError(
                        f"deployment.variants.{name}.autoscaling.{key}: SageMaker counts whole seconds, "
                        f"got {getattr(rule, key)}"
                    )

    def current(self, endpoint: str) -> Deployment | None:
        """None also for an endpoint that failed to start, so that a plan creates it again."""
        found = self._endpoints.settled(endpoint)
        if found is None or found["EndpointStatus"] in BROKEN:
            return None
        return self._endpoints.deployment(self._endpoints.snapshot(found))

    def apply(self, action: Action, models: Mapping[str, Path]) -> None:
        """Raises CloudError, with the reason, also for an update that SageMaker has rolled back."""
        self._steps.take(action, models)
        self._invocations.forget(action.endpoint)

    def hold(self, purpose: str) -> AbstractContextManager[None]:
        """A lock across machines: see `lock`."""
        return held(self._clients, f"{self._settings.prefix}/locks/endpoints", purpose=purpose, wait_s=_DEPLOY_WAITS_S)

    def predict(
        self,
        endpoint: str,
        rows: str,
        variant: str | None = None,
        *,
        extras: Extras = Extras(),  # noqa: B008 - frozen
    ) -> Prediction:
        """Raises DataError when the model refuses the rows, DeploymentError when nobody answers them."""
        return self._invocations.predict(endpoint, rows, variant, extras)

    def predict_file(
        self,
        endpoint: str,
        source: str,
        pieces: Callable[[Path], Iterable[str]],
        *,
        depends_on: str = "",
        output: Path | None = None,
        told: Callable[[str], None] = lambda _: None,
    ) -> Batch:
        """By a batch transform job, whose input and answers stay in the bucket."""
        batch = BatchTransform(self._clients, self._stage, self._invocations, self._settings)
        own = self._resources.tags
        return batch.run(endpoint, source, pieces, depends_on=depends_on, own=own, output=output, told=told)

    def register(self, version: PromotedVersion, folder: Path) -> str:
        """As a model package of the settings' group. Raises CloudError."""
        packages = ModelPackages(self._clients, self._stage, self._settings)
        return packages.register(version, folder, own=self._resources.tags)

    def status(self, endpoint: str) -> EndpointStatus | None:
        found = self._endpoints.describe(endpoint)
        if found is None:
            return None
        snapshot = self._endpoints.snapshot(found)
        deployment = self._endpoints.deployment(snapshot)
        names = list(deployment.variants)
        counted = variant_metrics(self._clients, endpoint, names, since=found["CreationTime"])
        counts = {name: variant.get("CurrentInstanceCount", 0) for name, variant in live.by_variant(found).items()}
        reason = found.get("FailureReason")
        # Any change, even in the number of instances, begins a new test: earlier requests must not be mixed in.
        test = requests_since_change(self._clients, endpoint, names, changed=found["LastModifiedTime"])
        return EndpointStatus(
            endpoint=endpoint,
            state=found["EndpointStatus"] + (f": {reason}" if reason else ""),
            url=f"{self._clients('sagemaker-runtime').meta.endpoint_url}/endpoints/{endpoint}/invocations",
            deployment=deployment,
            instances=counts,
            invocations={name: one.invocations for name, one in counted.items()},
            failures={name: one.failures for name, one in counted.items()},
            latency_ms={name: one.latency_ms for name, one in counted.items()},
            server_errors={name: one.server_errors for name, one in counted.items()},
            models={name: {"model": m["model"], "digest": m["digest"]} for name, m in snapshot.by_variant.items()},
            created_at_s=found["CreationTime"].timestamp(),
            test=test,
            invocations_last_day=sum(one.invocations_last_day for one in counted.values()),
            is_billed=True,
        )

    def captured(self, endpoint: str) -> Sequence[CapturedRows]:
        """Read from where the endpoint's own configuration says; empty when it does not capture."""
        found = self._endpoints.describe(endpoint)
        if found is None:
            raise DeploymentError(f"endpoint {endpoint} does not exist; `housing deploy` makes it")
        served = self._endpoints.snapshot(found).by_variant
        destination = found.get("DataCaptureConfig", {}).get("DestinationS3Uri")
        requests: list[CapturedRows] = []
        for variant in live.variants(found) if destination else ():
            encoded = served[variant]["interface"] == "encoded"
            folder = f"{destination.rstrip('/')}/{endpoint}/{variant}"
            requests += captured(self._stage, folder, variant, encoded=encoded)
        return requests
