"""A study that a target runs by itself: what the target is given, and what it reports about the jobs."""

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

    `handle` is the study's name at the target. `parents` are handles of earlier studies there that it learns from.
    """

    handle: str
    study: Study
    space: SearchSpace
    job: TrainingJob
    parents: Sequence[str] = ()


@dataclass(frozen=True)
class ManagedJob:
    """The current state of a study's job; `number` counts from 0 in the order in which jobs started.

    `history` has one value per round so far, as in `TrainingResult`; `result` is set once the job has completed or was
    stopped, `reason` once it has failed. `tags` are those with which it was submitted.
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
