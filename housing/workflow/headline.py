"""One metric of a model with its interval, beside that of the naive predictor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from housing.data.weights import column_weights
from housing.tasks.base import find, metrics, score
from housing.tasks.predictions import Predictions
from housing.training.metrics import metric_of
from housing.workflow.session import Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

JudgedPart = Literal["validation", "test"]


def judged_by(session: Session) -> str:
    """The metric for comparisons: the study's if the task has it, else the task's own."""
    task = session.experiment.dataset.task_name
    asked = metric_of(session.experiment.study.objectives[0])
    return asked if asked in metrics(task) else find(task).metric


def label_of(session: Session, *parts: str) -> NDArray[np.float64]:
    """The label of these parts together, as metrics take it."""
    import numpy as np

    prepared = session.prepared
    rows = np.concatenate([getattr(prepared.parts, part) for part in parts])
    return prepared.labels(rows)


def weights_of(session: Session, part: JudgedPart) -> NDArray[np.float64] | None:
    """The weights of a part's rows in metrics; None: equal."""
    return _weights_of(session, part)


def _weights_of(session: Session, *parts: str) -> NDArray[np.float64] | None:
    import numpy as np

    prepared = session.prepared
    own = column_weights(prepared.table, session.experiment.dataset)
    return None if own is None else own[np.concatenate([getattr(prepared.parts, part) for part in parts])]


def naive_predictions(session: Session, metric: str | None, *, part: JudgedPart) -> Predictions:
    """The naive predictor's answers for a part, the best by a metric; learnt from the parts before it."""
    dataset, levels = session.experiment.dataset, len(session.prepared.encoder.label_levels)
    before = ("train", "validation") if part == "test" else ("train",)
    learnt = label_of(session, *before)
    asked = find(dataset.task_name).asking(dataset.quantiles or ())
    weights = _weights_of(session, *before)
    # A package's task need not accept weights.
    told = {} if weights is None else {"weights": weights}
    found = asked.naive(learnt, len(label_of(session, part)), levels=levels, metric=metric or asked.metric, **told)
    return found.weighed(weights_of(session, part))


def naive_value(session: Session, metric: str, *, part: JudgedPart) -> float | None:
    """The naive predictor's metric; None if it is not defined for the part's labels."""
    answers = naive_predictions(session, metric, part=part)
    return score(session.experiment.dataset.task_name, label_of(session, part), answers).get(metric)


def naive_objective(session: Session, objective: str) -> float | None:
    """The same for a study's objective; None unless it is a metric of the task on the validation part."""
    part, _, metric = objective.partition("_")
    known = part == "validation" and metric in metrics(session.experiment.dataset.task_name)
    return naive_value(session, metric, part="validation") if known else None


def headline(session: Session, label: NDArray[np.float64], predictions: Predictions, *, part: JudgedPart) -> list[str]:
    """A sentence with the metric, its interval and the naive predictor's; empty where it is not defined."""
    from housing.tasks.interval import draws, interval

    metric, question = judged_by(session), session.experiment.dataset.task_name
    known = metrics(question)[metric]
    if known.undefined(label) is not None:
        return []
    predictions = predictions.weighed(weights_of(session, part))
    value = known.compute(label, predictions)
    resamples = draws(predictions)
    ends = interval(known, label, predictions, resamples=resamples, seed=session.experiment.seed)
    if ends is None or math.isnan(value):
        return []
    name = f"{part}_{metric}"
    low, high = (session.amount(end, name) for end in ends)
    told = (
        f"{name} {session.amount(value, name)}, 95% interval {low} to {high} over {len(label):,} rows "
        f"({resamples} draws)"
    )
    naive = naive_value(session, metric, part=part)
    beside = (
        [f"The naive predictor, which ignores every column, has {session.amount(naive, name)}"]
        if naive is not None
        else []
    )
    return [told, *beside]
