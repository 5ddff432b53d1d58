"""Combines several fits of the same hyperparameters, to different rows or with different seeds, into one result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev

from housing.training.job import TrainingResult


def mean_result(folds: Sequence[TrainingResult], *, each: str = "fold") -> TrainingResult:
    """The mean over fits to several folds, or of several seeds, in their order; there must be at least one.

    Beside each metric's mean there are `<metric>_sd`, its standard deviation over the fits, and `<metric>_<each>_<n>`.
    Metrics are those at each fold's kept round, and `best_round` is the mean of these, for a final fit. `history` ends
    with the shortest fold; `seconds` is the total of all folds. No fold's model is kept.
    """
    first = folds[0]
    metrics: dict[str, float] = {}
    # A fold may lack a metric that is not defined for its rows.
    for name in (name for name in first.metrics if all(name in fold.metrics for fold in folds)):
        values = [fold.metrics[name] for fold in folds]
        metrics |= {name: fmean(values), f"{name}_sd": pstdev(values)}
        metrics |= {f"{name}_{each}_{number}": value for number, value in enumerate(values)}
    return TrainingResult(
        history=mean_history(folds),
        metrics=metrics,
        best_round=round(fmean(fold.best_round for fold in folds)),
        model=b"",
        model_format=first.model_format,
        seconds=sum(fold.seconds for fold in folds),
        started_at_ms=first.started_at_ms,
        stopped=any(fold.stopped for fold in folds),
        billed_seconds=None if first.billed_seconds is None else sum(fold.billed_seconds or 0 for fold in folds),
    )


def values_of_fits(metrics: Mapping[str, float], name: str) -> tuple[float, ...]:
    """A metric's value for each fit of a mean result, in order; empty for a single fit."""
    found: list[float] = []
    for each in ("fold", "repeat"):
        while (key := f"{name}_{each}_{len(found)}") in metrics:
            found.append(metrics[key])
    return tuple(found)


def mean_history(fits: Sequence[TrainingResult]) -> dict[str, list[float]]:
    """The mean over fits after each round, up to the shortest, of the metrics that all have."""
    shared = [name for name in fits[0].history if all(name in fit.history for fit in fits)]
    return {name: _mean_by_round([fit.history[name] for fit in fits]) for name in shared}


def _mean_by_round(histories: Sequence[Sequence[float]]) -> list[float]:
    return [fmean(values) for values in zip(*histories, strict=False)]
