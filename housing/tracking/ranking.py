"""The order of the runs below a study or a multirun, kept as tags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.tracking import schema
from housing.tracking.queries import Direction
from housing.tracking.reader import Run
from housing.tuning.leaderboard import places
from housing.tuning.trial import costs

if TYPE_CHECKING:
    from housing.tracking.runs import Runs


def rank_children(runs: Runs, parent: str, objectives: Mapping[str, Direction]) -> list[Run]:
    """The finished children that have every objective, best first by the first one; each is tagged with its rank.

    Ranks are text that sorts, `001` for the best, because MLflow's nesting is lost in a sorted list. Several objectives
    rank in fronts: `housing.front` is `true` for the children that no other one dominates.
    """
    ranked = sorted(
        (
            (cost, child)
            for child in runs.children(parent)
            if child.status == "FINISHED" and (cost := _cost(child, objectives)) is not None
        ),
        key=lambda pair: pair[0],
    )
    width = max(3, len(str(len(ranked))))
    for place, (_, child) in zip(places([cost for cost, _ in ranked]), ranked, strict=True):
        tags = {schema.RANK: f"{place:0{width}d}"}
        if len(objectives) > 1:
            tags[schema.FRONT] = "true" if place == 1 else "false"
        if changed := {tag: value for tag, value in tags.items() if child.tags.get(tag) != value}:
            runs.tag(child.id, changed)
    return [child for _, child in ranked]


def _cost(run: Run, objectives: Mapping[str, Direction]) -> tuple[float, ...] | None:
    if schema.BLEND in run.tags:  # it consists of other children
        return None
    values = tuple(run.metrics.get(name, math.nan) for name in objectives)
    return None if any(map(math.isnan, values)) else costs(values, tuple(objectives.values()))
