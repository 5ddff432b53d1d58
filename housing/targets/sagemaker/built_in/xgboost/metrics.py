"""The container's names of a job's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.algorithms.registry import find

if TYPE_CHECKING:
    from housing.training.job import TrainingJob


def names_of(job: TrainingJob) -> Mapping[str, str]:
    """Our name of each requested metric, by the container's, in order."""
    named = job.hyperparameters.get("eval_metric") or ()
    asked = (named,) if isinstance(named, str) else tuple(map(str, named))  # type: ignore[arg-type]
    ours = find(job.algorithm).metric_names
    return {name: ours.get(name, name) for name in asked}
