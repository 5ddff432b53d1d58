"""Chooses the container that a job trains in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.own_code import Image, Program
from housing.algorithms.registry import find
from housing.errors import ConfigError
from housing.targets.sagemaker import built_in
from housing.targets.sagemaker.containers import TrainingContainer
from housing.targets.sagemaker.training.own_code import ImageContainer, ScriptContainer
from housing.targets.sagemaker.training.script_mode import ScriptModeContainer
from housing.tasks import base as tasks

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings
    from housing.training.job import TrainingJob


def container_of(algorithm: str, code: Program | Image | None = None) -> TrainingContainer:
    """The container of the user's code, if any; else SageMaker's own for the algorithm, or a framework's."""
    match code:
        case Program():
            return ScriptContainer(code)
        case Image():
            return ImageContainer(code)
    return built_in.find(algorithm) or ScriptModeContainer(algorithm)


def checked_container(job: TrainingJob, settings: Settings) -> TrainingContainer:
    """The container that a job trains in. Raises ConfigError on what it would train wrongly."""
    if faults := container_faults(settings, job.algorithm, job.code, job.hyperparameters):
        raise ConfigError("; ".join(faults))
    return container_of(job.algorithm, job.code)


def container_faults(
    settings: Settings, algorithm: str, code: Program | Image | None, hyperparameters: Mapping[str, Any]
) -> Sequence[str]:
    """Why the container cannot train with these settings; each message begins with the key and ends with a way out."""
    found = _groups_faults(algorithm, hyperparameters)
    container = container_of(algorithm, code)
    found += [f"algorithm.{fault}" for fault in container.hyperparameter_faults(hyperparameters)]
    found += [f"runner.{fault}" for fault in container.faults(settings)]
    if settings.instance_count > 1 and not container.is_distributed:
        found.append(
            f"runner.instance_count: {settings.instance_count} instances would each train on every row, and "
            f"{algorithm} would count each row as often; use 1, on a larger instance_type"
        )
    return found


def _groups_faults(algorithm: str, hyperparameters: Mapping[str, Any]) -> list[str]:
    """Channels are CSV with the label first, which cannot have groups."""
    declared = find(algorithm)
    key = declared.capabilities.loss or ""
    objectives = [
        name for task, how in declared.tasks.items() if tasks.find(task).has_groups for name in how.objectives
    ]
    if hyperparameters.get(key) not in objectives:
        return []
    return [
        f"algorithm.{key}: {hyperparameters[key]} needs the group of each row, which containers are not given; train "
        "on this machine or a Ray cluster (target@runner=local, target@runner=ray)"
    ]
