"""From scores on outer parts to standings: how each entrant did on each table, and overall."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from housing.tasks.base import Direction


@dataclass(frozen=True)
class Score:
    """The score of one entrant on one outer part of one table, by the table's metric.

    `inner` is the value by which the model was chosen, None where nothing was chosen; `beyond` is the score on the rows
    that are in no outer part, None where there are none; `naive` is the score of the best prediction that ignores every
    column.
    """

    table: str
    entrant: str
    seed: int
    fold: int
    outer: float
    inner: float | None
    beyond: float | None
    naive: float | None
    seconds: float


@dataclass(frozen=True)
class Standing:
    """One entrant on one table: means over outer parts. `spread` is the standard deviation of `outer`, None for one.

    `optimism` is by how much better the inner values were than the outer ones, in the metric's unit.
    """

    table: str
    entrant: str
    parts: int
    outer: float
    spread: float | None
    optimism: float | None
    beyond: float | None
    naive: float | None
    seconds: float


def standings(scores: Iterable[Score], directions: Mapping[str, Direction]) -> list[Standing]:
    """Standings by table, tables in the order of `scores`, the best entrant first; `directions` are by table."""
    grouped: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        grouped.setdefault((score.table, score.entrant), []).append(score)
    tables = list(dict.fromkeys(table for table, _ in grouped))
    found = [_standing(table, entrant, some, directions[table]) for (table, entrant), some in grouped.items()]

    def order(standing: Standing) -> tuple[int, float]:
        sign = 1.0 if directions[standing.table] == "minimize" else -1.0
        return tables.index(standing.table), sign * standing.outer

    return sorted(found, key=order)


@dataclass(frozen=True)
class Overall:
    """One entrant over all tables that all entrants have finished.

    `wins` counts tables where no other is better. `gap` is the geometric mean of its error over that of the best
    entrant (1: it is the best everywhere); None where a metric is better when it is larger.
    """

    entrant: str
    wins: int
    tables: int
    gap: float | None
    seconds: float


def overall(found: Sequence[Standing], directions: Mapping[str, Direction]) -> list[Overall]:
    """The entrant with the most wins first; empty for fewer than two tables."""
    entrants = list(dict.fromkeys(standing.entrant for standing in found))
    by_table: dict[str, dict[str, Standing]] = {}
    for standing in found:
        by_table.setdefault(standing.table, {})[standing.entrant] = standing
    whole = {table: each for table, each in by_table.items() if len(each) == len(entrants)}
    if len(whole) < 2:
        return []
    lower = all(directions[table] == "minimize" for table in whole)
    best = {table: _best(each.values(), directions[table]) for table, each in whole.items()}
    rows = [
        Overall(
            entrant,
            wins=sum(each[entrant].outer == best[table] for table, each in whole.items()),
            tables=len(whole),
            gap=_geometric(each[entrant].outer / best[table] for table, each in whole.items()) if lower else None,
            seconds=sum(each[entrant].seconds for each in whole.values()),
        )
        for entrant in entrants
    ]
    return sorted(rows, key=lambda row: (-row.wins, row.gap or 0.0))


def _standing(table: str, entrant: str, scores: Sequence[Score], towards: Direction) -> Standing:
    outer = [score.outer for score in scores]
    sign = 1.0 if towards == "minimize" else -1.0
    too_good = [sign * (score.outer - score.inner) for score in scores if score.inner is not None]
    return Standing(
        table=table,
        entrant=entrant,
        parts=len(scores),
        outer=fmean(outer),
        spread=stdev(outer) if len(outer) > 1 else None,
        optimism=fmean(too_good) if too_good else None,
        beyond=_mean(score.beyond for score in scores),
        naive=_mean(score.naive for score in scores),
        seconds=fmean(score.seconds for score in scores),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _best(found: Iterable[Standing], towards: Direction) -> float:
    values = [standing.outer for standing in found]
    return min(values) if towards == "minimize" else max(values)


def _geometric(ratios: Iterable[float]) -> float | None:
    values = list(ratios)
    return math.exp(fmean(map(math.log, values))) if all(math.isfinite(v) and v > 0 for v in values) else None
