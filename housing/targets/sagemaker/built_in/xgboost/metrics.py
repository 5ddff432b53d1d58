"""Metrics of a job as the container calls them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.algorithms.registry import find

if TYPE_CHECKING:
    from housing.training.job import TrainingJob


def names_of(job: TrainingJob) -> Mapping[str, str]:
    """The container's name of each metric that was asked for, in their order, with ours."""
    named = job.hyperparameters.get("eval_metric") or ()
    asked = (named,) if isinstance(named, str) else tuple(map(str, named))  # type: ignore[arg-type]
    ours = find(job.algorithm).metric_names
    return {name: ours.get(name, name) for name in asked}
