"""An endpoint's archives, models, configurations and alarms; equal content is created only once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.deployment.bundle import digest
from housing.deployment.spec import Deployment
from housing.errors import CloudError, DeploymentError
from housing.targets.sagemaker.hosting import alarms, archive, requests
from housing.targets.sagemaker.hosting.invocations import ARCHIVE_FILE, ENCODER_FILE
from housing.targets.sagemaker.hosting.names import EXPERIMENT_TAG
from housing.targets.sagemaker.hosting.requests import ResourceDefaults, Served
from housing.targets.sagemaker.refusals import code, message, translated
from housing.targets.sagemaker.staging import Stage

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients
    from housing.targets.sagemaker.settings import Settings


class EndpointResources:
    """Creates them; `Cleanup` removes them. All have the endpoint's name in theirs."""

    def __init__(self, clients: Clients, stage: Stage, settings: Settings) -> None:
        self._clients = clients
        self._stage = stage
        self._settings = settings

    @cached_property
    def defaults(self) -> ResourceDefaults:
        """What all of them are created with."""
        settings = self._settings
        return ResourceDefaults(
            role_arn=self._clients.role_arn,
            bucket=self._clients.bucket,
            prefix=settings.prefix,
            kms_key=settings.kms_key,
            subnets=settings.vpc.subnets if settings.vpc else (),
            security_groups=settings.vpc.security_groups if settings.vpc else (),
            tags=self.tags,
        )

    @property
    def tags(self) -> dict[str, str]:
        """The tags of everything that is created."""
        return {EXPERIMENT_TAG: self._settings.prefix, **self._settings.tags}

    def configure(
        self, deployment: Deployment, models: Mapping[str, Path], *, beside: str | None = None
    ) -> dict[str, Any]:
        """Create models and their configuration; returns the request for the latter.

        `beside` is the configuration in service, if any. Raises DeploymentError for a variant without files.
        """
        client = self._clients("sagemaker")
        names = {}
        for name, variant in deployment.variants.items():
            if variant.model not in models:
                raise DeploymentError(f"{deployment.endpoint}: no files were given for {variant.model} of {name}")
            served = self._upload(deployment, variant.model, models[variant.model])
            request = requests.create_model(self.defaults, deployment.endpoint, deployment.interface, served)
            _create(client.create_model, request)
            names[name] = request["ModelName"]
        config = requests.create_endpoint_config(self.defaults, deployment, names, beside=beside)
        _create(client.create_endpoint_config, config)
        return config

    def put_alarms(self, deployment: Deployment, variants: Sequence[str]) -> None:
        """Create the deployment's alarms for each of these variants."""
        client, own = self._clients("cloudwatch"), self.defaults.tags_of(deployment.endpoint)
        for name, alarm in deployment.update.alarms.items():
            for variant in variants:
                with translated("cloudwatch"):
                    client.put_metric_alarm(**alarms.put_alarm(deployment.endpoint, name, variant, alarm, own=own))

    def _upload(self, deployment: Deployment, model: str, folder: Path) -> Served:
        """Upload a version's archive and, beside it, its encoder."""
        content = archive.archive(folder, deployment.interface)
        below = ("endpoints", deployment.endpoint, sha256(content).hexdigest()[:16])
        uri = self._stage.put_bytes(content, *below, ARCHIVE_FILE)
        self._stage.put_bytes((folder / ENCODER_FILE).read_bytes(), *below, ENCODER_FILE)
        return Served(model, digest(folder), archive.image(folder, self._settings, self._clients.region), uri)


def _create(call: Any, request: Mapping[str, Any]) -> None:
    """Create it unless it exists: what has the same name has the same content (see `content_name`)."""
    try:
        with translated("sagemaker"):
            call(**request)
    except CloudError as error:
        cause = error.__cause__
        if not (code(cause) in ("ValidationException", "ResourceInUse") and "already exist" in message(cause)):
            raise
