"""What trials and final fits are compared with: the naive predictor, and simple reference models."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from housing.algorithms.registry import find, shipped
from housing.data.features import without_native
from housing.errors import DataError, TrainingError
from housing.tuning.space import Categorical
from housing.workflow.headline import judged_by, naive_objective, naive_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.workflow.session import Session

NAIVE = "naive"
_MOST_ROWS = 20_000

References = Mapping[str, Mapping[str, float]]
"""Name -> objective or metric -> value on held-out rows, for those that have one."""


def references(session: Session) -> References:
    """The naive predictor, and each algorithm that declares itself a reference, if the study has references.

    Not fitted: one that is among the trials anyway, one that does not support the task, and any with rows on disk.
    """
    objectives = session.experiment.study.objectives
    naive = {each: naive_objective(session, each) for each in objectives}
    found = {NAIVE: {name: value for name, value in naive.items() if value is not None}}
    searched = session.experiment.search_space.get("algorithm")
    tried = searched.choices if isinstance(searched, Categorical) else ()
    for name in _to_fit(session, but=map(str, tried)):
        metrics = _fitted(session, name, learnt=("train",), judged="validation")
        found[name] = {each: value for each, value in metrics.items() if each in objectives}
    return {name: values for name, values in found.items() if values}


def test_references(session: Session, metrics: Collection[str]) -> References:
    """The same for a final fit, on the test part: those of `metrics` that they have."""
    if not session.experiment.study.reference:
        return {}
    naive = {each: naive_value(session, each, part="test") for each in metrics}
    found = {NAIVE: {name: value for name, value in naive.items() if value is not None}}
    for name in _to_fit(session):
        its = _fitted(session, name, learnt=("train", "validation"), judged="test")
        found[name] = {each: its[f"validation_{each}"] for each in metrics if f"validation_{each}" in its}
    return {name: values for name, values in found.items() if values}


def in_words(session: Session, found: References) -> list[str]:
    """Sentences about the other references on the test part, by the metric for comparisons, without the naive one."""
    metric = judged_by(session)
    return [
        f"A plain fit of {name} has {session.amount(its[metric], f'test_{metric}')}"
        for name, its in found.items()
        if name != NAIVE and metric in its
    ]


def _to_fit(session: Session, but: Iterable[str] = ()) -> list[str]:
    experiment, left_out = session.experiment, {session.experiment.algorithm.name, *but}
    if not experiment.study.reference or session.prepared.table.is_stored:
        return []
    return [
        name
        for name in shipped()
        if find(name).capabilities.reference is not None
        and experiment.dataset.task_name in find(name).tasks
        and name not in left_out
        and find(name).missing_library() is None
    ]


def _fitted(session: Session, name: str, *, learnt: Sequence[str], judged: str) -> Mapping[str, float]:
    """Metrics of a fit to some rows of the parts `learnt`, with `judged` as validation part; empty if not possible.

    Levels that other algorithms read directly are one-hot encoded for it.
    """
    import numpy as np

    from housing.training.fit import Matrices, fit

    algorithm, prepared, dataset = find(name), session.prepared, session.experiment.dataset
    how = algorithm.tasks[dataset.task_name]
    given = dict(algorithm.capabilities.reference or {}) | how.from_label(
        levels=len(dataset.label_levels), quantiles=dataset.quantiles or ()
    )
    if algorithm.capabilities.loss and how.objectives:
        given[algorithm.capabilities.loss] = how.objectives[0]
    rows = np.sort(np.concatenate([getattr(prepared.parts, part) for part in learnt]))
    held = getattr(prepared.parts, judged)
    try:
        with session.reporter.working(f"fitting {name} to compare with"):
            channels = prepared.encoded_anew(without_native(prepared.features), _some(rows), held)
            job = session.job(name, given, channels)
            return fit(replace(job, algorithm=name, code=None), Matrices()).metrics
    except (TrainingError, DataError):
        return {}


def _some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Evenly spaced rows, few enough for a cheap fit."""
    import numpy as np

    if len(rows) <= _MOST_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _MOST_ROWS).astype(np.int64)]
