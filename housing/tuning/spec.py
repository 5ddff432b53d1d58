"""A study as declared: who proposes trials, how many, how many at once, by which metric, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from housing.tuning.space import (
    Point,
    SearchSpace,
    described,
    grid_size,
    grid_values,
    is_active,
    order,
    unequal_lengths,
)
from housing.tuning.space import faults as space_faults

MOST_GRID_POINTS = 100_000


@dataclass(frozen=True)
class Study:
    """`objective` is `<channel>_<metric>`, or several of them; each direction belongs to its metric. A channel alone,
    such as `validation`, stands for the first metric of the task on it.

    `startup_trials` are proposed at random before a sampler that learns begins to. `parallel` trials run at once; a
    `reproducible` study proposes the same trials every time, for which a quick trial may wait for a slow one.
    `pruner` looks at a trial every `prune_every` rounds, after the first `prune_after`, and ends the hopeless ones.
    With `folds` above 1 a trial is the mean over that many folds of the training rows, and the pruner looks at folds.
    With `repeats` above 1 it is the mean over that many fits to the same rows, whose seeds follow on from the
    experiment's; with both, each repeat goes through all folds. The leaderboard then has an interval for each trial and
    says which ones cannot be told from the best.
    A point whose trial fails is tried again up to `retries` times, as a new trial; those that failed before do not
    count towards `trials`. A study that is resumed with more of them tries its failed points, too.
    No trial starts after `time_limit_s` seconds, nor after `patience` trials in a row without a better one.
    The configured point comes first (`configured_first`), so that the best is never worse than it.
    `start_from` holds points (each may leave parameters open) that are tried next, or names an earlier study whose
    best point is.
    `resume` names a study of the record (its run's id, the beginning of it, or its name) to go on with until it has
    `trials`. With `reuse`, a trial that a finished run has done already (the same hyperparameters, seed, data, split,
    encoder and code) is not trained again: it takes that run's result.
    With `blend`, up to so many of the best trials answer together, each by a weight, where that is better than the best
    alone on the rows that the objective is of: it is one model, and the one that is promoted. With `blend_samples`
    above 1 the weights are the mean of so many choices, each on rows drawn with replacement.
    With `reference` a cheap linear model is fitted to the same rows and stands beside the naive predictor at the end of
    the leaderboard; it is no trial, and nothing is promoted of it.
    `engine` amt leaves the search to SageMaker's automatic model tuning, on targets that offer it; `start_from` then
    names earlier studies of the same kind that it learns from. With optuna it is run here, and trains anywhere.
    """

    name: str
    sampler: Literal["grid", "zip", "random", "tpe", "cmaes", "qmc"]
    trials: int
    parallel: int = 1
    reproducible: bool = False
    objective: str | tuple[str, ...] = "validation"
    startup_trials: int = 3
    pruner: Literal["none", "median", "hyperband"] = "none"
    prune_every: int = 5
    prune_after: int = 0
    folds: int = 1
    repeats: int = 1
    retries: int = 0
    time_limit_s: float | None = None
    patience: int | None = None
    configured_first: bool = True
    start_from: str | tuple[Point, ...] = ()
    resume: str | None = None
    reuse: bool = False
    blend: int | None = None
    blend_samples: int = 1
    reference: bool = True
    engine: Literal["optuna", "amt"] = "optuna"

    def __post_init__(self) -> None:
        faults = [
            f"{key}: must be {least} or more, got {value}"
            for key, least in _LEAST.items()
            if (value := getattr(self, key)) is not None and value < least
        ]
        if self.time_limit_s is not None and not self.time_limit_s > 0:
            faults.append(f"time_limit_s: must be more than 0, got {self.time_limit_s}")
        if not self.objectives or len(set(self.objectives)) != len(self.objectives):
            faults.append(f"objective: needs one name or several that differ, got {list(self.objectives)}")
        if len(self.objectives) > 1 and self.sampler == "cmaes":
            faults.append("sampler: cmaes takes one objective; tpe, qmc, random, grid and zip take several")
        if len(self.objectives) > 1 and self.pruner != "none":
            faults.append(f"pruner: {self.pruner} takes one objective; several need none")
        if self.blend is not None and self.repeats > 1:
            faults.append("repeats: a blend takes one fit of each trial; leave out repeats, or blend")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def fits(self) -> int:
        """The number of jobs of a trial."""
        return self.folds * self.repeats

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objective, or all of them."""
        return (self.objective,) if isinstance(self.objective, str) else self.objective


_LEAST = {
    "trials": 1,
    "parallel": 1,
    "startup_trials": 1,
    "prune_every": 1,
    "prune_after": 0,
    "folds": 1,
    "repeats": 1,
    "retries": 0,
    "patience": 1,
    "blend": 2,
    "blend_samples": 1,
}


def faults(study: Study, space: SearchSpace) -> list[str]:
    """What is wrong in the space, or inconsistent with the study; each message begins with the key."""
    found = [f"search_space.{fault}" for fault in space_faults(space)]
    if not space:
        found.append("search_space: nothing to search; name at least one hyperparameter")
    if found:
        return found
    if study.sampler in ("grid", "zip"):
        endless = [name for name, distribution in space.items() if grid_values(distribution) is None]
        found += [
            f"search_space.{name}: sampler {study.sampler} needs a `step` or a list of `choices` here; tpe, random, "
            f"cmaes and qmc take the range as it is; ~search_space.{name} leaves it out"
            for name in endless
        ]
        size = grid_size(space) if study.sampler == "grid" else None
        if study.sampler == "zip" and not endless and (lengths := unequal_lengths(space)):
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            found.append(
                "study.sampler: zip takes the first values together, then the second ones, so all need as many values, "
                f"or a single one; there are {told}; grid tries every combination"
            )
        if size is not None and size > MOST_GRID_POINTS:
            found.append(f"study.sampler: grid has {size:,} points, more than {MOST_GRID_POINTS:,}; use tpe or qmc")
    if not isinstance(study.start_from, str):
        for i, point in enumerate(study.start_from):
            found += [f"study.start_from[{i}].{fault}" for fault in point_faults(point, space)]
    return found


def point_faults(point: Point, space: SearchSpace) -> list[str]:
    """Why a point, which may leave parameters open, does not lie in the space."""
    found = [f"{name}: not in this search space, which has {', '.join(space)}" for name in point if name not in space]
    for name in order(space):
        if name not in point:
            continue
        condition = space[name].only_if
        if point[name] not in space[name]:
            found.append(f"{name}: must be {described(space[name])}, got {point[name]!r}")
        elif condition and condition.parameter in point and not is_active(space[name], point):
            found.append(f"{name}: exists only where {condition.parameter} is one of {list(condition.is_in)}")
    return found
