"""Reads a submitted job back from SageMaker's description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from housing.algorithms.base import Hyperparameter
from housing.algorithms.registry import CONTAINER, find
from housing.targets.sagemaker import built_in
from housing.targets.sagemaker.staging import Staged
from housing.targets.sagemaker.training.requests import (
    ALGORITHM_TAG,
    LABEL_TRANSFORM_TAG,
    LEVELS_TAG,
    TASK_TAG,
    WEIGHED_TAG,
)
from housing.tasks import base as tasks
from housing.training.job import TrainingJob, Value

if TYPE_CHECKING:
    from housing.targets.sagemaker.training.descriptions import Description

_OURS = ("save_model_on_termination", "csv_weights", "_tuning_objective_metric")


def job_of(description: Description) -> TrainingJob:
    """The job, by its tags and hyperparameters; an untagged one is taken to be the built-in algorithm's."""
    algorithm = description.tags.get(ALGORITHM_TAG, built_in.UNTAGGED)
    hyperparameters: Mapping[str, Any] = values(description.hyperparameters, algorithm)
    seed = hyperparameters.get("seed", 0)
    return TrainingJob(
        name=description.handle,
        algorithm=algorithm,
        hyperparameters=hyperparameters,
        channels={name: Staged(name, uri) for name, uri in description.channels.items()},
        seed=seed if isinstance(seed, int) else 0,
        label_transform=description.tags.get(LABEL_TRANSFORM_TAG, "none"),
        task=description.tags.get(TASK_TAG, tasks.DEFAULT),
        levels=int(description.tags.get(LEVELS_TAG, 0)),
        weighed=WEIGHED_TAG in description.tags,
        handle=description.handle,
        tags=description.tags,
    )


def values(texts: Mapping[str, str], algorithm: str) -> dict[str, Value | Sequence[str]]:
    """Hyperparameters with the types of the algorithm's rules; what these do not know, or would refuse, stays text."""
    rules: Mapping[str, Hyperparameter] = find(algorithm).hyperparameters
    is_plain = built_in.find(algorithm) is not None or algorithm == CONTAINER
    return {
        name: _value(text, rules.get(name)) if is_plain else _from_json(text)
        for name, text in texts.items()
        if name not in _OURS and not name.startswith("sagemaker_")
    }


def _from_json(text: str) -> Value | Sequence[str]:
    """The value as a script reads it; values from a tuning job may be plain text instead of JSON."""
    try:
        value: Value | Sequence[str] = json.loads(text)
    except ValueError:
        return text
    return value


def _value(text: str, rule: Hyperparameter | None) -> Value | Sequence[str]:
    if rule is None:
        return text
    if rule.many:
        one = replace(rule, many=False)
        return tuple(cast("str", _value(part, one)) for part in text.split(","))
    if rule.kind == "bool":
        return text == "true"
    try:
        match rule.kind:
            case "int":
                return int(float(text))
            case "float":
                return float(text)
    except ValueError:  # as the container reported it
        pass
    return text
