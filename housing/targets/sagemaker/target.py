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
    """IAM policies `caller`, `role` and `trust`. A use has the fields of `policy.Use`.

    `record` is the ARN of the managed MLflow in which the record is kept, if any.
    """
    from housing.targets.sagemaker import permissions
    from housing.targets.sagemaker.policy import Use

    return permissions.policies([(settings, Use(**use)) for settings, use in uses], record=record)


def supports(
    settings: Settings, algorithm: str, code: Program | Image | None, hyperparameters: Mapping[str, Any]
) -> Sequence[str]:
    """What the container for the algorithm cannot do; algorithms without their own image train in script mode."""
    from housing.targets.sagemaker.training.container import container_faults

    return container_faults(settings, algorithm, code, hyperparameters)


def keeps(rule: DataRule, algorithm: str) -> bool:
    """Rules that can be passed as hyperparameters: channels are CSV, which cannot describe columns."""
    from housing.targets.sagemaker import built_in

    container = built_in.find(algorithm)
    return container is not None and rule in container.column_rules


def registry(settings: Settings) -> str | None:
    """Where promoted versions are also registered, beside MLflow; None: nowhere."""
    group = settings.model_package_group
    return f"model package group {group}" if group else None


def open_runner(settings: Settings, keys: Mapping[str, str] | None = None) -> Runner:
    """`keys`, as boto3 takes them, replace those of the usual AWS environment."""
    from housing.targets.sagemaker.training.runner import SageMakerRunner

    return SageMakerRunner(settings, keys)


def open_host(settings: Settings, keys: Mapping[str, str] | None = None) -> Host:
    """`keys` as for `open_runner`."""
    from housing.targets.sagemaker.hosting.host import SageMakerHost

    return SageMakerHost(settings, keys)
