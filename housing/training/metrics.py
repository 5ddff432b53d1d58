"""Objectives: what a study minimises or maximises, by name, `<channel>_<metric>` or a cost."""

from __future__ import annotations

from collections.abc import Mapping

from housing.tasks.base import Direction, every_metric

__all__ = ["COSTS", "Direction", "direction", "has_unit", "known_direction", "metric_of"]

_CHANNELS = ("train", "validation", "test")
_NOTHING: Mapping[str, Direction] = {}

COSTS = {
    "training_seconds": "time of the training",
    "best_round": "rounds before the last one kept",
}
"""Costs of a job: a study may minimise them beside a metric."""


_KNOWN: dict[str, Direction] = {
    **dict.fromkeys(("mse", "mdae", "max_error", "loss", "logloss", "mlogloss", "error", "merror"), "minimize"),
    **dict.fromkeys(
        ("pinball", "quantile", "gamma_deviance", "poisson_nloglik", "cox_nloglik", "aft_nloglik"), "minimize"
    ),
    **dict.fromkeys(("explained_variance", "aucpr", "ndcg", "map", "mrr", "cindex"), "maximize"),
    **dict.fromkeys(("ndcg_at_5_by_row", "ndcg_at_10_by_row"), "maximize"),
}
"""Metrics outside of tasks that an algorithm's library, or a user's code, computes, by their common names."""


def direction(objective: str, declared: Mapping[str, Direction] = _NOTHING) -> Direction:
    """Direction of `<channel>_<metric>`, of a metric alone, or of a cost; `declared` are those that a script declares.

    The direction must be known; see `known_direction`.
    """
    found = known_direction(objective, declared)
    if found is None:
        raise KeyError(objective)
    return found


def known_direction(objective: str, declared: Mapping[str, Direction] = _NOTHING) -> Direction | None:
    """The same; None for a metric whose direction is unknown."""
    metric = metric_of(objective)
    for name in (objective, metric):
        if name in declared:
            return declared[name]
    if objective in COSTS:
        return "minimize"
    known = every_metric()
    return known[metric].direction if metric in known else _KNOWN.get(metric)


def metric_of(objective: str) -> str:
    """`mae` of `validation_mae`."""
    channel, _, metric = objective.partition("_")
    return metric if channel in _CHANNELS else objective


def has_unit(objective: str) -> bool:
    """Whether the metric is in the label's unit."""
    known, metric = every_metric(), metric_of(objective)
    return metric in known and known[metric].has_unit
