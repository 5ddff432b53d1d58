"""The order of trials in a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from housing.tuning.space import Point, SearchSpace, bare
from housing.tuning.trial import Direction, FinishedTrial, State, costs, dominates


@dataclass(frozen=True)
class Row:
    """`rank` counts from 1; only complete trials have one. With several objectives the whole front has rank 1."""

    rank: int | None
    number: int
    values: tuple[float, ...] | None
    parameters: Point
    seconds: float
    state: State
    reused: bool = False


def leaderboard(trials: Iterable[FinishedTrial], directions: tuple[Direction, ...]) -> list[Row]:
    """Complete trials, best first, equals by number; then the pruned, the failed and the interrupted, by number.

    Several objectives rank in fronts: the first is not dominated, the second only by the first, and so on.
    """
    everyone = sorted(trials, key=lambda t: t.number)
    complete = sorted(
        ((costs(t.values, directions), t) for t in everyone if t.state == "complete" and t.values is not None),
        key=lambda pair: pair[0],
    )
    ranks = places([cost for cost, _ in complete])
    ranked = sorted(zip(ranks, (t for _, t in complete), strict=True), key=lambda pair: pair[0])
    rows = [_row(trial, rank) for rank, trial in ranked]
    for state in ("pruned", "failed", "interrupted"):
        rows += [_row(trial, None) for trial in everyone if trial.state == state]
    return rows


def shown_names(space: SearchSpace) -> tuple[str, ...]:
    """The columns, one per name; in a search over algorithms one for the hyperparameters of all of them."""
    plain = tuple(name for name in space if "." not in name)
    return plain if len(plain) == len(space) else (*plain, "hyperparameters")


def shown_values(parameters: Point, space: SearchSpace) -> list[object]:
    """A trial's value for each of these columns; None for a name that it does not have."""
    values: list[object] = [parameters.get(name) for name in space if "." not in name]
    if len(values) == len(space):
        return values
    own = {bare(name): value for name, value in parameters.items() if "." in name}
    return [
        *values,
        " ".join(
            f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in own.items()
        ),
    ]


def places(ordered: Sequence[tuple[float, ...]]) -> Sequence[int]:
    """The rank of each of these costs, which are in ascending order: its position from 1, or of several, its front."""
    if not ordered or len(ordered[0]) == 1:
        return range(1, len(ordered) + 1)
    # A point that dominates another comes before it, as costs are sorted.
    fronts: list[list[tuple[float, ...]]] = []
    ranks = []
    for cost in ordered:
        rank = next(
            (i for i, front in enumerate(fronts) if not any(dominates(better, cost) for better in front)), len(fronts)
        )
        if rank == len(fronts):
            fronts.append([])
        fronts[rank].append(cost)
        ranks.append(rank + 1)
    return ranks


def _row(trial: FinishedTrial, rank: int | None) -> Row:
    return Row(rank, trial.number, trial.values, trial.parameters, trial.seconds, trial.state, trial.reused)
