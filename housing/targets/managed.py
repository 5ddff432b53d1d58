"""A study that a target runs by itself: what the target is given, and what it reports of the jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from housing.training.job import TrainingJob, TrainingResult
from housing.tuning.space import SearchSpace
from housing.tuning.spec import Study


@dataclass(frozen=True)
class ManagedStudy:
    """`job` has everything that the study's jobs share; `space` overrides its hyperparameters.

    `handle` is the name under which the target knows the study. `parents` are handles of earlier studies there that it
    learns from.
    """

    handle: str
    study: Study
    space: SearchSpace
    job: TrainingJob
    parents: Sequence[str] = ()


@dataclass(frozen=True)
class ManagedJob:
    """One of its jobs as it is now; `number` counts from 0 in the order of their starts.

    `history` has one value a round so far, as in `TrainingResult`; `result` is there once the job has ended well or was
    stopped, `reason` once it has failed. `tags` are those that it was submitted with.
    """

    number: int
    handle: str
    hyperparameters: Mapping[str, float | int | str | bool | Sequence[str]]
    state: Literal["running", "complete", "stopped", "failed"]
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    result: TrainingResult | None = None
    reason: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


Watch = Callable[[ManagedJob], bool]
"""Called with a job that has changed; True stops the whole study."""
