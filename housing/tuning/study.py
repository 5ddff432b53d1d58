"""Run a study: propose, have it evaluated elsewhere, learn, until there is a reason to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from housing.errors import ConfigError
from housing.tuning.space import Point, SearchSpace
from housing.tuning.spec import Study, faults, point_faults
from housing.tuning.study_loop import Ended, Evaluate, StudyLoop, interrupt_as_event
from housing.tuning.trial import Direction, FinishedTrial, Trial, costs, dominates

if TYPE_CHECKING:
    from housing.tuning.importance import Importance


@dataclass(frozen=True)
class StudyResult:
    """`trials` are in the order of their numbers, those of earlier sessions included; `seconds` are this session's."""

    space: SearchSpace
    directions: tuple[Direction, ...]
    trials: tuple[FinishedTrial, ...]
    ended: Ended
    seconds: float

    @property
    def best(self) -> FinishedTrial | None:
        """The best complete trial by the first objective, the first of equals; None when none is complete."""
        return min(self._complete(), key=lambda t: self._costs(t)[0], default=None)

    @property
    def front(self) -> tuple[FinishedTrial, ...]:
        """The complete trials that no other one dominates."""
        complete = self._complete()
        return tuple(t for t in complete if not any(dominates(self._costs(o), self._costs(t)) for o in complete))

    def importances(self) -> dict[str, Importance]:
        """How much each parameter determined which trials were good: shares that sum to 1, largest first, with ranges.

        Empty with fewer than ten complete trials, which are too few.
        """
        from housing.tuning.importance import importances

        return importances(self.space, self._complete(), self.directions)

    def _complete(self) -> list[FinishedTrial]:
        return [t for t in self.trials if t.state == "complete"]

    def _costs(self, trial: FinishedTrial) -> tuple[float, ...]:
        return costs(trial.values or (), self.directions)


def search(
    space: SearchSpace,
    study: Study,
    evaluate: Evaluate,
    *,
    seed: int,
    directions: Sequence[Direction] = ("minimize",),
    past: Sequence[FinishedTrial] = (),
    known: Sequence[Point] | None = None,
    configured: Point | None = None,
    of_others: Sequence[Point] = (),
    begun: Mapping[int, Point] | None = None,
    rounds: int | None = None,
    on_start: Callable[[Trial], None] = lambda _: None,
    on_end: Callable[[FinishedTrial], None] = lambda _: None,
    decide: Callable[[], bool] = lambda: True,
) -> StudyResult:
    """Evaluate `study.trials` points of the space, `study.parallel` at once.

    Proposals and callbacks happen on the calling thread; where a trial ends, the next one starts before `on_end` hears
    of it. The same seed gives the same study when trials end in the same order, so always with `parallel: 1`.

    `past` trials count towards `study.trials` (interrupted ones do not) and are never proposed again in a space whose
    points can be listed. `begun` are points, by number, that an earlier session has started and not ended: they come
    first, under the same numbers. The `configured` point is tried next, and never pruned, so that the best is not worse
    than it; it may lie outside of the space, as may those `of_others`, other algorithms, that come after it. Then come
    the `known` points (None: those of `study.start_from`). `rounds` is the most that a trial reports; hyperband plans
    with it, or learns it from the first complete trial.

    The first Ctrl-C asks the running trials to stop at their next report, hands them to `on_end` and returns, unless
    `decide` takes it back with False; the second raises KeyboardInterrupt at once. Raises ConfigError where space,
    study and points do not fit together, TrainingError when the first few trials all fail and what a callback raises,
    after the running trials have stopped, and the first BudgetRefused, CloudError or ConfigError of a trial, after the
    running ones have ended.
    """
    if known is None:
        if isinstance(study.start_from, str):
            raise ConfigError(
                f"study.start_from: the points of {study.start_from!r} must be looked up before the study"
            )
        known = study.start_from
    _refuse_misfits(space, study, directions=directions, known=known)
    from housing.tuning.sampler import Sampler

    counted = sorted((t for t in past if t.state != "interrupted"), key=lambda t: t.number)
    towards = tuple(directions)
    sampler = Sampler(
        space,
        study,
        seed=seed,
        directions=towards,
        past=counted,
        known=known,
        configured=configured,
        of_others=of_others,
        begun=begun,
        rounds=rounds,
    )
    loop = StudyLoop(study, evaluate, sampler=sampler, directions=towards, on_start=on_start, on_end=on_end)
    for trial in counted:
        loop.note(trial)
    with interrupt_as_event(loop.interrupted, decide):
        ended, seconds = loop.run()
    trials = tuple(sorted(loop.trials, key=lambda t: t.number))
    return StudyResult(space, towards, trials, ended, seconds)


def _refuse_misfits(
    space: SearchSpace, study: Study, *, directions: Sequence[Direction], known: Sequence[Point]
) -> None:
    found = faults(study, space)
    if not found:
        found = [f"known point {i}: {fault}" for i, point in enumerate(known) for fault in point_faults(point, space)]
    if len(directions) != len(study.objectives):
        found.append(f"study.objective: {len(study.objectives)} objectives have {len(directions)} directions")
    if found:
        raise ConfigError("\n".join(found))
