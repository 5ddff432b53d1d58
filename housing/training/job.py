"""One training job: what goes in, what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any

from housing.algorithms.own_code import Image, Program
from housing.algorithms.registry import find
from housing.tasks import base as tasks

Value = float | int | str | bool
"""A hyperparameter's value."""

Progress = Callable[[int, Mapping[str, float]], bool]
"""Called after a round with its number (from 0) and its metrics; True stops the job (it is then `stopped`)."""


@dataclass(frozen=True)
class TrainingJob:
    """`channels` maps `train` (and `validation`) to what the runner's `stage` returned for them.

    `levels` is how many levels the label has, 0 for a number; `label_transform` is how a number was transformed.
    `weighed`: rows have weights, which count in the fit and in the library's metrics of `train`. `handle` is the job's
    name at a target where jobs outlive this process (`Runner.handle`), None elsewhere; `tags` are set on it there, so
    that a job whose command has died can be identified. `code` is what the algorithms `script` and `container` run,
    None for all others.
    """

    name: str
    algorithm: str
    hyperparameters: Mapping[str, Value | Sequence[Value]]
    channels: Mapping[str, Any]
    seed: int
    label_transform: str = "none"
    task: str = tasks.DEFAULT
    levels: int = 0
    weighed: bool = False
    handle: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    code: Program | Image | None = None

    @property
    def asked(self) -> tasks.Task:
        """Its task, for the quantiles in its hyperparameters, if it predicts quantiles."""
        how = find(self.algorithm).tasks.get(self.task)
        named: Any = self.hyperparameters.get(how.quantiles or "", ()) if how is not None else ()
        return tasks.find(self.task).asking(named)


@dataclass(frozen=True)
class TrainingResult:
    """The result of a job.

    `history` has one value per round of each `<channel>_<metric>`, in the label's unit (names ending in `_trained` are
    on the transformed label that was trained on); `metrics` are its values at `best_round`, and on the validation part
    all other metrics of the task, of the model that was kept.
    `best_round` counts from 0. `model` is the model file's bytes in the algorithm's own format (`model_format` is its
    suffix), empty where there is none: a mean over folds. `read_by` names the algorithm that reads it, where that is
    not the job's. `stopped` tells that a `Progress` ended the job early.
    `billed_seconds` is None if the job is not billed. `details` are the target's details of the job, by MLflow tag
    (such as `sagemaker.job_arn`).
    """

    history: Mapping[str, Sequence[float]]
    metrics: Mapping[str, float]
    best_round: int
    model: bytes
    model_format: str
    seconds: float
    started_at_ms: int
    stopped: bool = False
    billed_seconds: float | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    read_by: str | None = None

    @property
    def measured(self) -> Mapping[str, float]:
        """Everything that may be an objective: the metrics, and the job's costs (`metrics.COSTS`)."""
        return {**self.metrics, "training_seconds": self.seconds, "best_round": float(self.best_round)}

    def values_of(self, objectives: Sequence[str]) -> tuple[float, ...]:
        """The objectives' values; NaN for a metric that is not defined for what the model predicts."""
        return tuple(self.measured.get(name, nan) for name in objectives)
