"""What a target URI refers to: a host, with the rest of the configuration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from housing.api.invocation import invocation_of
from housing.config.compose import Composed
from housing.config.load import check, compose
from housing.config.schema import Experiment
from housing.errors import DeploymentError
from housing.mlflow_deployments.settings import OF_ENDPOINTS
from housing.targets.base import EndpointStatus
from housing.workflow.outcome import StudyProgress
from housing.workflow.serving import apply_plan, destroy
from housing.workflow.session import Session

# MLflow's command line shows only what its own loggers log.
_log = logging.getLogger(f"mlflow.{__name__}")


@dataclass(frozen=True)
class DeploymentTarget:
    """A host and its configuration `composed`, whose deployment only provides defaults for what is new."""

    composed: Composed
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, target_uri: str) -> DeploymentTarget:
        """The target of a URI; raises ConfigError for a target, an option or a folder that does not exist."""
        parts = urlsplit(target_uri)
        target = parts.path.strip("/") if parts.scheme else ""
        options = parse_qsl(parts.query, keep_blank_values=True)
        config_dir = next((Path(value) for key, value in options if key == "config_dir"), None)
        overrides = [f"target@host={target}"] if target else []
        overrides += [f"{key}={value}" for key, value in options if key != "config_dir"]
        return cls(compose(overrides, config_dir), tuple(overrides))

    def session(self) -> Session:
        return self._session(check(self.composed))

    def new_endpoint(self, name: str) -> dict[str, Any]:
        """A new endpoint's settings from the configuration, without variants."""
        declared = self._declared
        return {key: declared[key] for key in OF_ENDPOINTS if key in declared} | {"endpoint": name, "variants": {}}

    def new_variant(self, name: str) -> dict[str, Any]:
        """A new variant's settings: those of the configured variant of that name, if any."""
        return dict(self._declared["variants"].get(name, {}))

    def deploy(self, wanted: Mapping[str, Any]) -> EndpointStatus:
        """Deploy; raises ConfigError before anything changes, DeploymentError when the host does not reach the wanted
        state.
        """
        typed = replace(self.composed.overrides, keys=self.composed.overrides.keys | {("deployment",)})
        raw = {**self.composed.raw, "deployment": wanted}
        with self._session(check(replace(self.composed, raw=raw, overrides=typed))) as session:
            deployment, _ = apply_plan(session)
            status = session.host.status(deployment.endpoint)
        if status is None:
            raise DeploymentError(f"endpoint {deployment.endpoint} was ended by someone else meanwhile")
        return status

    def destroy(self, endpoint: str) -> None:
        experiment = check(self.composed)
        ended = replace(experiment, deployment=replace(experiment.deployment, endpoint=endpoint))
        destroy(ended, invocation_of("destroy", self.overrides, composed=self.composed, experiment=ended), _Progress())

    @property
    def _declared(self) -> Mapping[str, Any]:
        declared: Mapping[str, Any] = self.composed.raw["deployment"]
        return declared

    def _session(self, experiment: Experiment) -> Session:
        invocation = invocation_of("deploy", self.overrides, composed=self.composed, experiment=experiment)
        return Session(experiment, invocation, _Progress())


class _Progress:
    """A reporter that writes steps to MLflow's log."""

    def step(self, name: str, text: str) -> None:
        _log.info("%s: %s", name, text)

    def working(self, text: str) -> AbstractContextManager[None]:
        _log.info("%s ...", text)
        return nullcontext()

    def study_progress(self, _progress: StudyProgress) -> None:
        """Never called: no study runs here."""

    def log(self, line: str) -> None:
        """Never called: no job runs here."""

    def ask(self, _question: str, answers: Mapping[str, str]) -> str:
        return next(iter(answers))
