"""What the trials of a study are compared with: a predictor that ignores every column, and a model without rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from housing.algorithms.registry import find, shipped
from housing.errors import TrainingError
from housing.tuning.space import Categorical
from housing.workflow.headline import naive_objective

if TYPE_CHECKING:
    from housing.data.channel import Channel
    from housing.workflow.session import Session

NAIVE = "naive"
_MOST_ROWS = 20_000

References = Mapping[str, Mapping[str, float]]
"""Name -> objective -> its value on the validation part; those that have one."""


def references(session: Session) -> References:
    """The naive predictor, and each algorithm that declares itself a reference, where the study asks for it.

    One that is among the trials anyway is not fitted again; nor is one that cannot take the task, or the columns, nor
    any where rows stay on disk.
    """
    objectives = session.experiment.study.objectives
    naive = {each: naive_objective(session, each) for each in objectives}
    found = {NAIVE: {name: value for name, value in naive.items() if value is not None}}
    is_in_memory = session.prepared.channels["train"].stored is None
    if session.experiment.study.reference and is_in_memory:
        for name in _to_fit(session):
            found[name] = {each: value for each, value in _fitted(session, name).items() if each in objectives}
    return {name: values for name, values in found.items() if values}


def _to_fit(session: Session) -> list[str]:
    experiment = session.experiment
    searched = experiment.search_space.get("algorithm")
    tried = set(searched.choices) if isinstance(searched, Categorical) else set()
    return [
        name
        for name in shipped()
        if find(name).capabilities.reference is not None
        and experiment.dataset.task_name in find(name).tasks
        and name not in {experiment.algorithm.name, *tried}
        and find(name).missing_library() is None
    ]


def _fitted(session: Session, name: str) -> Mapping[str, float]:
    """Metrics of a fit to the train part; empty where it cannot be fitted."""
    from housing.training.fit import Matrices, fit

    algorithm, channels, dataset = find(name), session.prepared.channels, session.experiment.dataset
    how = algorithm.tasks[dataset.task_name]
    given = dict(algorithm.capabilities.reference or {}) | how.from_label(
        levels=len(dataset.label_levels), quantiles=dataset.quantiles or ()
    )
    if algorithm.capabilities.loss and how.objectives:
        given[algorithm.capabilities.loss] = how.objectives[0]
    job = session.job(name, given, {"train": _some(channels["train"]), "validation": channels["validation"]})
    try:
        with session.reporter.working(f"fitting {name} to compare with"):
            return fit(replace(job, algorithm=name, code=None), Matrices()).metrics
    except TrainingError:
        return {}


def _some(channel: Channel) -> Channel:
    """So many rows that it stays cheap, evenly from all of them."""
    import numpy as np

    rows = len(channel.label)
    if rows <= _MOST_ROWS:
        return channel
    kept = np.linspace(0, rows - 1, _MOST_ROWS).astype(np.int64)
    weights = None if channel.weights is None else channel.weights[kept]
    return replace(channel, features=channel.features[kept], label=channel.label[kept], weights=weights)
