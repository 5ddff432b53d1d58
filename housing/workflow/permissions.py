"""The permissions that an experiment needs at its targets."""

from __future__ import annotations

import json
from typing import Any

from housing.config.schema import Experiment
from housing.errors import ConfigError
from housing.targets.registry import find
from housing.tracking.servers import MANAGED_FORMS, is_managed
from housing.workflow.outcome import Invocation, Outcome, Reporter

_WHOSE = {"caller": "whoever runs these commands", "role": "the role that jobs and endpoints take"}


def iam(experiment: Experiment, invocation: Invocation, _reporter: Reporter, *, whose: str = "caller") -> Outcome:
    """The least-privilege policies of the experiment: of the caller, or of the role of its jobs and endpoints."""
    if whose not in _WHOSE:
        raise ConfigError(f"iam {whose}: available: {' and '.join(_WHOSE)}")
    uses: list[tuple[Any, dict[str, Any]]] = []
    if _at_aws(experiment.runner):
        uses.append((experiment.runner, {"trains": True, "searches": experiment.study.engine == "amt"}))
    if _at_aws(experiment.host):
        uses.append((experiment.host, {"serves": experiment.deployment}))
    record = _managed_record(experiment.tracking.uri)
    if not uses and record is None:
        raise ConfigError(f"nothing of this experiment is at AWS: {invocation.next('iam', 'target=sagemaker')}")
    documents = find(uses[0][0].name if uses else "sagemaker").policies(uses, record=record)
    text = json.dumps(documents[whose], indent=2)
    actions = sum(len(statement["Action"]) for statement in documents[whose]["Statement"])
    other = "role" if whose == "caller" else "caller"
    return Outcome(
        headline=f"{actions} actions for {_WHOSE[whose]}",
        data=documents,
        lines=text.splitlines(),
        next_commands=((invocation.next("iam", other), f"the policy of {_WHOSE[other]}"),),
        raw=f"{text}\n",
    )


def _managed_record(uri: str) -> str | None:
    """The ARN if the record is in SageMaker's managed MLflow, else None. Raises ConfigError for any other ARN."""
    if not uri.startswith("arn:"):
        return None
    if not is_managed(uri):
        raise ConfigError(f"tracking.uri: {uri} is not a managed MLflow; {MANAGED_FORMS}")
    return uri


def _at_aws(settings: Any) -> bool:
    return hasattr(find(settings.name), "policies")
