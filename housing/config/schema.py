"""An experiment: one field per group in conf/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from housing.costs import Budget, Prices
from housing.data.description import Dataset, Features
from housing.deployment.spec import Deployment
from housing.promotion.spec import Gate
from housing.rehearsal.spec import Rehearsal
from housing.tuning.space import SearchSpace
from housing.tuning.spec import Study

CHOOSABLE = ("dataset", "features")
"""Groups whose options a search space may choose from, by name, as it chooses values of hyperparameters."""


@dataclass(frozen=True)
class Algorithm:
    """An algorithm by name, with every hyperparameter that conf/ or the command line fixes."""

    name: str
    hyperparameters: Mapping[str, Any]


@dataclass(frozen=True)
class Tracking:
    """Where the record is kept: an MLflow tracking URI, and the registered model's name.

    Results of a study wait on disk while a tracking server does not answer; its end waits `wait_s` seconds for that.
    """

    uri: str
    model: str
    wait_s: float = 60

    def __post_init__(self) -> None:
        if not self.wait_s >= 0:
            raise ValueError(f"wait_s: must be 0 or more, got {self.wait_s}")


@dataclass(frozen=True)
class Figure:
    """A published value, and what random splits of the same data give: mean and standard deviation over them."""

    value: float
    splits_mean: float
    splits_sd: float


@dataclass(frozen=True)
class Published:
    """Figures that a publication gives, to be shown beside ours; mean absolute errors in the label's unit."""

    source: str
    train_mae: Figure
    validation_mae: Figure
    best_validation_mae: Figure


@dataclass(frozen=True)
class Experiment:
    """The checked configuration; `name` is the MLflow experiment. `runner` and `host` are the targets' own settings.

    `parallel` jobs of a `train --multirun` run at once; of a study's trials `study.parallel` do.
    """

    name: str
    seed: int
    dataset: Dataset
    features: Features
    algorithm: Algorithm
    search_space: SearchSpace
    study: Study
    tracking: Tracking
    runner: Any
    host: Any
    gate: Gate
    deployment: Deployment
    prices: Prices
    budget: Budget = field(default_factory=Budget)
    rehearsal: Rehearsal = field(default_factory=Rehearsal)
    candidate: str | None = None
    published: Published | None = None
    parallel: int = 1
