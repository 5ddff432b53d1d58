"""A target of `mlflow deployments`: `housing:/local`, `housing:/sagemaker`, `housing:/rehearsal`.

The same hosts, plans and registered models as `housing deploy`, for those who live in MLflow's command line. MLflow's
deployment is a variant of an endpoint; where no endpoint is named, it is the only variant of an endpoint of its name.
MLflow finds this module by the entry point `housing` of the group `mlflow.deployments`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import click
from mlflow.deployments import BaseDeploymentClient, PredictionsResponse
from mlflow.exceptions import MlflowException

from housing.cli.invocation import invocation_of
from housing.config.compose import Composed
from housing.config.load import check, compose
from housing.config.schema import Experiment
from housing.deployment.spec import Deployment, Variant
from housing.errors import ConfigError, DataError, DeploymentError, HousingError
from housing.targets.base import EndpointStatus
from housing.workflow import Standing, destroy
from housing.workflow.serving import apply_plan
from housing.workflow.session import Session

FLAVOR = "python_function"
"""What every registered model of housing is to MLflow."""

_VARIANT = "champion"
_ROWS_A_REQUEST = 2000  # a row of raw CSV is about 500 bytes, and an endpoint takes 6 MB
_OF_VARIANTS = tuple(field.name for field in fields(Variant) if field.name != "model")
_OF_ENDPOINTS = tuple(field.name for field in fields(Deployment) if field.name not in ("endpoint", "variants"))

_T = TypeVar("_T")

# MLflow shows what its own loggers say, and nobody else's.
_log = logging.getLogger(f"mlflow.{__name__}")


class Refused(MlflowException, click.ClickException):  # type: ignore[misc]
    """A HousingError as MLflow's callers expect it; its command line prints the message, without a traceback."""

    def __init__(self, error: HousingError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc]  # click reads it of the instance


class HousingDeployments(BaseDeploymentClient):  # type: ignore[misc]
    """Every method raises MlflowException for what housing refuses."""

    def __init__(self, target_uri: str) -> None:
        super().__init__(target_uri)
        with _refusals_for_mlflow():
            self._place = _Place.of(target_uri)

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
        with _refusals_for_mlflow(), self._place.session() as session:
            _check_flavor(flavor)
            variant = name if endpoint else str(settings.pop("variant", _VARIANT))
            current = session.host.current(endpoint or name)
            if current and (not endpoint or name in current.variants):
                raise DeploymentError(f"deployment {_named(name, endpoint)} exists already; `update` changes it")
            base = _plain(current) if current else self._place.new_endpoint(endpoint or name)
            base["variants"][variant] = self._place.new_variant(variant) | {"model": model_uri}
            return self._deploy(_changed(base, variant, settings), variant, name)

    def update_deployment(
        self,
        name: str,
        model_uri: str | None = None,
        flavor: str | None = None,
        config: Mapping[str, Any] | None = None,
        endpoint: str | None = None,
    ) -> dict[str, Any]:
        """Another model, or other settings, on the running endpoint; what is not named stays."""
        with _refusals_for_mlflow(), self._place.session() as session:
            _check_flavor(flavor)
            current = _existing(session.host.current(endpoint or name), name, endpoint)
            variant = name if endpoint else _only_variant(current)
            base = _plain(current)
            if model_uri is not None:
                base["variants"][variant]["model"] = model_uri
            return self._deploy(_changed(base, variant, config or {}), variant, name)

    def delete_deployment(
        self, name: str, config: Mapping[str, Any] | None = None, endpoint: str | None = None
    ) -> None:
        """An endpoint whole, or one variant of it; the last variant takes the endpoint along. Nothing there: done."""
        with _refusals_for_mlflow(), self._place.session() as session:
            if config:
                raise ConfigError(f"-C {next(iter(config))}: `delete` takes no settings")
            current = session.host.current(endpoint) if endpoint else None
            if endpoint is None or (current and list(current.variants) == [name]):
                self._place.destroy(endpoint or name)
            elif current and name in current.variants:
                left = _plain(current)
                del left["variants"][name]
                self._place.deploy(left)

    def list_deployments(self, endpoint: str | None = None) -> list[dict[str, Any]]:
        """Every endpoint of the host; with `endpoint`, its variants."""
        with _refusals_for_mlflow(), self._place.session() as session:
            if endpoint is None:
                return [_endpoint(status) for status in map(session.host.status, session.host.endpoints()) if status]
            status = _existing(session.host.status(endpoint), endpoint, None)
            return [_variant(status, name) for name in status.deployment.variants]

    def get_deployment(self, name: str, endpoint: str | None = None) -> dict[str, Any]:
        """An endpoint; with `endpoint`, that variant of it."""
        with _refusals_for_mlflow(), self._place.session() as session:
            status = _existing(session.host.status(endpoint or name), name, endpoint)
            return _variant(status, name) if endpoint else _endpoint(status)

    def predict(
        self, deployment_name: str | None = None, inputs: Any = None, endpoint: str | None = None
    ) -> PredictionsResponse:
        """Raw rows, as a DataFrame or as mappings, in; the label's unit out.

        By `endpoint` the weights choose who answers; with `deployment_name` beside it that variant does.
        """
        target = endpoint or deployment_name
        with _refusals_for_mlflow(), self._place.session() as session:
            if target is None:
                raise ConfigError("name a deployment or an endpoint")
            variant = deployment_name if endpoint else None
            answers = [session.host.predict(target, piece, variant) for piece in _as_csv(inputs)]
        return PredictionsResponse(
            predictions=[float(value) for answer in answers for value in answer.values],
            variants=[answer.variant for answer in answers for _ in answer.values],
        )

    def create_endpoint(
        self,
        name: str,
        config: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Refused: an endpoint answers from its first moment on."""
        with _refusals_for_mlflow():
            raise ConfigError(
                f"endpoint {name}: comes with its first deployment; "
                f"create_deployment('<variant>', 'models:/...', endpoint='{name}')"
            )

    def update_endpoint(self, endpoint: str, config: Mapping[str, Any] | None = None) -> None:
        """Settings of the endpoint as a whole: capture, update, interface."""
        with _refusals_for_mlflow(), self._place.session() as session:
            current = _existing(session.host.current(endpoint), endpoint, None)
            self._place.deploy(_changed(_plain(current), None, config or {}))

    def delete_endpoint(self, endpoint: str) -> None:
        """With all of its variants."""
        self.delete_deployment(endpoint)

    def list_endpoints(self) -> list[dict[str, Any]]:
        """Every endpoint of the host."""
        return self.list_deployments()

    def get_endpoint(self, endpoint: str) -> dict[str, Any]:
        """Its state, address, variants and counts."""
        return self.get_deployment(endpoint)

    def _deploy(self, wanted: Mapping[str, Any], variant: str, name: str) -> dict[str, Any]:
        status = self._place.deploy(wanted)
        return _variant(status, variant) | {"name": name, "flavor": FLAVOR}


def run_local(
    name: str, model_uri: str, flavor: str | None = None, config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What `create` does at `housing:/local`: the deployment is as manageable as any other."""
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
  of the variant       {", ".join(_OF_VARIANTS)} (autoscaling.max_instances=4)
  of the endpoint      {", ".join(_OF_ENDPOINTS)} (capture.percent=100, update.strategy=canary)

An endpoint comes with its first variant and goes with its last. run-local is create at housing:/local.
predict reads a JSON file that pandas reads, with raw rows; the answer has a value and a variant for each.
"""


@dataclass(frozen=True)
class _Place:
    """A host and what the configuration says beside it."""

    composed: Composed
    overrides: tuple[str, ...]

    @classmethod
    def of(cls, target_uri: str) -> _Place:
        """Raises ConfigError for a target, an option or a folder that does not exist."""
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
        """What the configuration says of endpoints, without a variant yet."""
        declared = self._declared
        return {key: declared[key] for key in _OF_ENDPOINTS if key in declared} | {"endpoint": name, "variants": {}}

    def new_variant(self, name: str) -> dict[str, Any]:
        """What the configuration says of a variant of that name."""
        return dict(self._declared["variants"].get(name, {}))

    def deploy(self, wanted: Mapping[str, Any]) -> EndpointStatus:
        """Make it so; raises ConfigError before anything changes, DeploymentError when the host does not arrive."""
        typed = replace(self.composed.overrides, keys=self.composed.overrides.keys | {("deployment",)})
        raw = {**self.composed.raw, "deployment": wanted}
        with self._session(check(replace(self.composed, raw=raw, overrides=typed))) as session:
            deployment, _ = apply_plan(session)
            status = session.host.status(deployment.endpoint)
        return _existing(status, deployment.endpoint, None)

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
    """Tells steps in MLflow's log."""

    def step(self, name: str, text: str) -> None:
        _log.info("%s: %s", name, text)

    def working(self, text: str) -> AbstractContextManager[None]:
        _log.info("%s ...", text)
        return nullcontext()

    def board(self, _standing: Standing) -> None:
        """No study runs here."""

    def log(self, job: str, line: str) -> None:
        """No job runs here."""

    def ask(self, _question: str, answers: Mapping[str, str]) -> str:
        return next(iter(answers))


@contextmanager
def _refusals_for_mlflow() -> Iterator[None]:
    try:
        yield
    except HousingError as error:
        raise Refused(error) from error


def _check_flavor(flavor: str | None) -> None:
    if flavor not in (None, FLAVOR):
        raise ConfigError(f"flavor {flavor}: housing serves its registered models as {FLAVOR} only; leave it out")


def _changed(wanted: dict[str, Any], variant: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`wanted` with settings put where they belong; without `variant`, those of the endpoint alone."""
    for key, value in settings.items():
        first, *_ = key.split(".")
        if first in _OF_ENDPOINTS:
            place = wanted
        elif variant is not None and first in _OF_VARIANTS:
            place = wanted["variants"][variant]
        else:
            known = (*_OF_VARIANTS, *_OF_ENDPOINTS) if variant is not None else _OF_ENDPOINTS
            raise ConfigError(f"-C {key}: no such setting; there is {', '.join(known)}")
        *above, last = key.split(".")
        for name in above:
            place[name] = dict(place.get(name) or {})
            place = place[name]
        place[last] = _value(value)
    return wanted


def _value(value: Any) -> Any:
    """A number, true, false or null that came as text from a command line; other text stays as it is."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _plain(deployment: Deployment) -> dict[str, Any]:
    """As conf/ would hold it."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(deployment)))
    return plain


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


def _as_csv(inputs: Any) -> Iterator[str]:
    """Raw rows in pieces that an endpoint takes, each with the header. Raises DataError."""
    import pandas

    try:
        frame = inputs if isinstance(inputs, pandas.DataFrame) else pandas.DataFrame(inputs)
    except ValueError as error:
        raise DataError(f"inputs are not rows with column names: {error}") from error
    if frame.empty:
        raise DataError("inputs have no rows")
    # pandas makes whole numbers fractions in a column that lacks some; a level "20" would become "20.0".
    frame = frame.convert_dtypes(convert_string=False, convert_boolean=False)
    for first in range(0, len(frame), _ROWS_A_REQUEST):
        yield frame[first : first + _ROWS_A_REQUEST].to_csv(index=False)
