"""A target of `mlflow deployments`: `housing:/local`, `housing:/sagemaker`, `housing:/rehearsal`.

The same hosts, plans and registered models as `housing deploy`, for users of MLflow's command line. A deployment in
MLflow's sense is a variant of an endpoint; where no endpoint is named, it is the only variant of an endpoint of the
same name. MLflow finds this module by the entry point `housing` of the group `mlflow.deployments`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from mlflow.deployments import BaseDeploymentClient, PredictionsResponse
from mlflow.exceptions import MlflowException

from housing.deployment.spec import Deployment
from housing.errors import ConfigError, DeploymentError, HousingError
from housing.mlflow_deployments.deployment_target import DeploymentTarget
from housing.mlflow_deployments.rows import as_csv
from housing.mlflow_deployments.settings import OF_ENDPOINTS, OF_VARIANTS, changed, plain
from housing.targets.base import EndpointStatus

FLAVOR = "python_function"
"""The MLflow flavor of every registered model."""

_VARIANT = "champion"

_T = TypeVar("_T")


class Refused(MlflowException, click.ClickException):  # type: ignore[misc]
    """A HousingError in the form that MLflow's callers expect; MLflow's command line prints it without a traceback."""

    def __init__(self, error: HousingError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it of the instance


class HousingDeployments(BaseDeploymentClient):  # type: ignore[misc]
    """Every method raises MlflowException for what housing refuses."""

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)
        with _refusals_for_mlflow():
            self._target = DeploymentTarget.of(target_uri)

    def create_deployment(
        self,
        name: str,
        model_uri: str,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Serve a registered model; returns when it answers."""
        settings = dict(config or {})
        with _refusals_for_mlflow(), self._target.session() as session:
            _check_flavor(flavor)
            variant = name if endpoint else str(settings.pop("variant", _VARIANT))
            current = session.host.current(endpoint or name)
            if current and (not endpoint or name in current.variants):
                raise DeploymentError(f"deployment {_named(name, endpoint)} exists already; `update` changes it")
            base = plain(current) if current else self._target.new_endpoint(endpoint or name)
            base["variants"][variant] = self._target.new_variant(variant) | {"model": model_uri}
            return self._deploy(changed(base, variant, settings), variant, name)

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Change the model or settings of a variant on the running endpoint; what is not named stays."""
        with _refusals_for_mlflow(), self._target.session() as session:
            _check_flavor(flavor)
            current = _existing(session.host.current(endpoint or name), name, endpoint)
            variant = name if endpoint else _only_variant(current)
            base = plain(current)
            if model_uri is not None:
                base["variants"][variant]["model"] = model_uri
            return self._deploy(changed(base, variant, config or {}), variant, name)

    def delete_deployment(
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        """Delete a whole endpoint, or one variant of it; with the last variant the endpoint goes, too. No error if
        absent.
        """
        with _refusals_for_mlflow(), self._target.session() as session:
            if config:
                raise ConfigError(f"-C {next(iter(config))}: `delete` takes no settings")
            current = session.host.current(endpoint) if endpoint else None
            if endpoint is None or (current and list(current.variants) == [name]):
                self._target.destroy(endpoint or name)
            elif current and name in current.variants:
                left = plain(current)
                del left["variants"][name]
                self._target.deploy(left)

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """Every endpoint of the host; with `endpoint`, its variants."""
        with _refusals_for_mlflow(), self._target.session() as session:
            if endpoint is None:
                return [_endpoint(status) for status in map(session.host.status, session.host.endpoints()) if status]
            status = _existing(session.host.status(endpoint), endpoint, None)
            return [_variant(status, name) for name in status.deployment.variants]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """An endpoint; with `endpoint`, that variant of it."""
        with _refusals_for_mlflow(), self._target.session() as session:
            status = _existing(session.host.status(endpoint or name), name, endpoint)
            return _variant(status, name) if endpoint else _endpoint(status)

    def predict(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        """Predictions for raw rows (a DataFrame or mappings): numbers in the label's unit, or levels with
        probabilities.

        With `endpoint` alone the weights choose the variant that answers; with `deployment_name` too, that variant
        does.
        """
        target = endpoint or deployment_name
        with _refusals_for_mlflow(), self._target.session() as session:
            if target is None:
                raise ConfigError("name a deployment or an endpoint")
            variant = deployment_name if endpoint else None
            pieces = as_csv(inputs, session.experiment.dataset.number_format)
            answers = [session.host.predict(target, piece, variant) for piece in pieces]
        return PredictionsResponse(
            predictions=[one for answer in answers for one in answer.documents()],
            variants=[answer.variant for answer in answers for _ in answer.values],
        )

    def create_endpoint(
        self,
        name: str,
        config: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Refused: an endpoint cannot exist without a variant."""
        with _refusals_for_mlflow():
            raise ConfigError(
                f"endpoint {name}: comes with its first deployment; "
                f"create_deployment('<variant>', 'models:/...', endpoint='{name}')"
            )

    def update_endpoint(self, endpoint: str, config: Mapping[str, Any] | None = None) -> None:
        """Change settings of the endpoint as a whole: capture, update, interface."""
        with _refusals_for_mlflow(), self._target.session() as session:
            current = _existing(session.host.current(endpoint), endpoint, None)
            self._target.deploy(changed(plain(current), None, config or {}))

    def delete_endpoint(self, endpoint: str) -> None:
        """Delete an endpoint with all of its variants."""
        self.delete_deployment(endpoint)

    def list_endpoints(self) -> list[dict[str, Any]]:
        """Every endpoint of the host."""
        return self.list_deployments()

    def get_endpoint(self, endpoint: str) -> dict[str, Any]:
        """Its state, address, variants and counts."""
        return self.get_deployment(endpoint)

    def _deploy(self, wanted: Mapping[str, Any], variant: str, name: str) -> dict[str, Any]:
        status = self._target.deploy(wanted)
        return _variant(status, variant) | {"name": name, "flavor": FLAVOR}


def run_local(
    name: str, model_uri: str, flavor: str | None = None, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The same as `create` on `housing:/local`; the deployment can be managed like any other."""
    return HousingDeployments("housing:/local").create_deployment(name, model_uri, flavor, config)


def target_help() -> str:
    """`mlflow deployments help -t housing`."""
    return f"""\
housing:/local       this machine: a server that outlives the command
housing:/sagemaker   Amazon SageMaker; region, role and bucket as in conf/target/sagemaker.yaml or the environment
housing:/rehearsal   a SageMaker on this machine, without an account

Settings are those of `housing deploy` in the same folder: the configuration that housing composes by default, with this
host. After a ? come overrides and your own folder of configuration, joined by &:

  -t "housing:/local?config_dir=conf&dataset=homes&deployment=canary"

Models are registered ones: models:/housing@champion or models:/housing/3, in the store of MLFLOW_TRACKING_URI
(default: sqlite:///mlflow.db). The flavor is always {FLAVOR}.

  mlflow deployments create -t housing:/local --name price -m models:/housing@champion -C instances=2
  mlflow deployments predict -t housing:/local --name price --input-path rows.json
  mlflow deployments update -t housing:/local --name price -m models:/housing/3
  mlflow deployments delete -t housing:/local --name price

Without --endpoint, --name is an endpoint with one variant ('{_VARIANT}', or -C variant=...). With --endpoint, --name is
one variant of it, beside others:

  mlflow deployments create -t housing:/local --endpoint price --name challenger \\
    -m models:/housing@challenger -C weight=0.1

-C takes the keys of conf/deployment/*.yaml, dots for those inside:
  of the variant       {", ".join(OF_VARIANTS)} (autoscaling.max_instances=4)
  of the endpoint      {", ".join(OF_ENDPOINTS)} (capture.percent=100, update.strategy=canary)

An endpoint comes with its first variant and goes with its last. run-local is create at housing:/local.
predict reads a JSON file that pandas reads, with raw rows; the answer has a value and a variant for each.
"""


@contextmanager
def _refusals_for_mlflow() -> Iterator[None]:
    try:
        yield
    except HousingError as error:
        raise Refused(error) from error


def _check_flavor(flavor: str | None) -> None:
    if flavor not in (None, FLAVOR):
        raise ConfigError(f"flavor {flavor}: housing serves its registered models as {FLAVOR} only; leave it out")


def _existing(found: _T | None, name: str, endpoint: str | None) -> _T:
    if found is None:
        raise DeploymentError(f"deployment {_named(name, endpoint)} does not exist; `list` shows those that do")
    return found


def _only_variant(deployment: Deployment) -> str:
    names = list(deployment.variants)
    if len(names) > 1:
        raise DeploymentError(
            f"{deployment.endpoint} has the variants {', '.join(names)}; "
            f"name one: --endpoint {deployment.endpoint} --name {names[0]}"
        )
    return names[0]


def _named(name: str, endpoint: str | None) -> str:
    return f"{name} of endpoint {endpoint}" if endpoint else name


def _endpoint(status: EndpointStatus) -> dict[str, Any]:
    names = status.deployment.variants
    return {
        "name": status.endpoint,
        "state": status.state,
        "url": status.url,
        "variants": {name: _variant(status, name) for name in names},
    }


def _variant(status: EndpointStatus, name: str) -> dict[str, Any]:
    variant = _existing(status.deployment.variants.get(name), name, status.endpoint)
    return {
        "name": name,
        "endpoint": status.endpoint,
        "state": status.state,
        "flavor": FLAVOR,
        "model_uri": variant.model,
        "share": status.deployment.shares().get(name, 0.0),
        "instances": status.instances.get(name),
        "invocations": status.invocations.get(name),
    }
