"""Amazon SageMaker as a target: its settings, its runner and its host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import DataRule
from housing.algorithms.own_code import Image, Program
from housing.targets.sagemaker.settings import Settings

__all__ = ["Settings", "keeps", "open_host", "open_runner", "policies", "registry", "supports"]

if TYPE_CHECKING:
    from housing.targets.base import Host, Runner


def policies(uses: Sequence[tuple[Settings, Mapping[str, Any]]], *, record: str | None = None) -> Mapping[str, Any]:
    """IAM policies: of the `caller`, of the `role`, and its `trust`. A use is the fields of `policy.Use`.

    `record` is the ARN of a managed MLflow that the record is kept in.
    """
    from housing.targets.sagemaker import permissions
    from housing.targets.sagemaker.policy import Use

    return permissions.policies([(settings, Use(**use)) for settings, use in uses], record=record)


def supports(
    settings: Settings, algorithm: str, code: Program | Image | None, hyperparameters: Mapping[str, Any]
) -> Sequence[str]:
    """What its container for the algorithm cannot do; all others train by script mode."""
    from housing.targets.sagemaker.training.container import container_faults

    return container_faults(settings, algorithm, code, hyperparameters)


def keeps(rule: DataRule, algorithm: str) -> bool:
    """A channel is CSV there, which says nothing of its columns; what is a hyperparameter can be said."""
    from housing.targets.sagemaker import built_in

    container = built_in.find(algorithm)
    return container is not None and rule in container.column_rules


def registry(settings: Settings) -> str | None:
    """Where what is promoted is registered beside MLflow; None: nowhere."""
    group = settings.model_package_group
    return f"model package group {group}" if group else None


def open_runner(settings: Settings, keys: Mapping[str, str] | None = None) -> Runner:
    """`keys`, as boto3 takes them, sign in place of what the usual AWS environment has."""
    from housing.targets.sagemaker.training.runner import SageMakerRunner

    return SageMakerRunner(settings, keys)


def open_host(settings: Settings, keys: Mapping[str, str] | None = None) -> Host:
    """`keys` as for `open_runner`."""
    from housing.targets.sagemaker.hosting.host import SageMakerHost

    return SageMakerHost(settings, keys)
