"""Our trials as Optuna's, and only as many as keep a proposal cheap."""

from __future__ import annotations

import copy
import math
from bisect import insort
from collections.abc import Container, Mapping, Sequence

from housing.tuning.optuna_library import optuna
from housing.tuning.space import Categorical, Distribution, Float, SearchSpace, lies_in, tidy
from housing.tuning.trial import Direction, FinishedTrial, costs, dominates

_REMEMBERED_BEST = 25
_REMEMBERED_RECENT = 125
_WAITING = (optuna.trial.TrialState.WAITING,)
_STATES = {"complete": optuna.trial.TrialState.COMPLETE, "pruned": optuna.trial.TrialState.PRUNED}


class Memory(optuna.storages.InMemoryStorage):  # type: ignore[misc]
    """One study: its best 25 trials and its latest 125; with several objectives, the latest 25 of the front.

    Optuna's TPE reads every trial for every proposal: 3 ms after 100 trials, 11 ms after 1,000. It models at most the
    best 25 as good and gives old bad ones the least weight, so little is lost without those.
    """

    def __init__(self, directions: tuple[Direction, ...]) -> None:
        super().__init__()
        self._directions = directions
        self._best: list[tuple[tuple[float, ...], int]] = []

    def create_new_trial(self, study_id: int, template_trial: optuna.trial.FrozenTrial | None = None) -> int:
        trial_id: int = super().create_new_trial(study_id, template_trial)
        if template_trial is not None and template_trial.state == optuna.trial.TrialState.COMPLETE:
            self._note(self.get_trial(trial_id))
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: optuna.trial.TrialState, values: Sequence[float] | None = None
    ) -> bool:
        changed: bool = super().set_trial_state_values(trial_id, state, values)
        if state == optuna.trial.TrialState.COMPLETE:
            self._note(self.get_trial(trial_id))
        return changed

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[optuna.trial.TrialState] | None = None
    ) -> list[optuna.trial.FrozenTrial]:
        if states == _WAITING:
            return list(super().get_all_trials(study_id, deepcopy=deepcopy, states=states))
        trials: list[optuna.trial.FrozenTrial] = super().get_all_trials(study_id, deepcopy=False)
        if len(trials) > _REMEMBERED_RECENT:
            first_recent = len(trials) - _REMEMBERED_RECENT
            best = sorted(number for _, number in self._best if number < first_recent)
            trials = [trials[number] for number in best] + trials[first_recent:]
        if states is not None:
            trials = [trial for trial in trials if trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def _note(self, trial: optuna.trial.FrozenTrial) -> None:
        entry = (costs(tuple(trial.values), self._directions), trial.number)
        if len(self._directions) == 1:
            insort(self._best, entry)
            del self._best[_REMEMBERED_BEST:]
        elif not any(dominates(known, entry[0]) for known, _ in self._best):
            front = [best for best in self._best if not dominates(entry[0], best[0])]
            self._best = [*front, entry][-_REMEMBERED_BEST:]


def optuna_distribution(distribution: Distribution) -> optuna.distributions.BaseDistribution:
    """The distribution as Optuna's."""
    if isinstance(distribution, Categorical):
        return optuna.distributions.CategoricalDistribution(distribution.choices)
    low, high, log, step = distribution.low, distribution.high, distribution.log, distribution.step
    if step is not None:
        # Optuna warns about a last step that does not meet `high`.
        high = tidy(low + step * math.floor(tidy((high - low) / step)))
    if isinstance(distribution, Float):
        return optuna.distributions.FloatDistribution(low, high, log=log, step=step)
    return optuna.distributions.IntDistribution(int(low), int(high), log=log, step=int(step or 1))


def as_optuna(
    trial: FinishedTrial, space: SearchSpace, distributions: Mapping[str, optuna.distributions.BaseDistribution]
) -> optuna.trial.FrozenTrial | None:
    """None if nothing can be learnt from it: it failed, or lies outside of a space that has changed since."""
    if trial.state not in _STATES or not lies_in(trial.parameters, space):
        return None
    return optuna.trial.create_trial(
        state=_STATES[trial.state],
        params=dict(trial.parameters),
        distributions={name: distributions[name] for name in trial.parameters},
        values=_values(trial),
        intermediate_values={steps_done(step): value for step, value in trial.reports.items()},
    )


def steps_done(step: int) -> int:
    """The number of finished rounds, from 1, as pruners count; reports count from 0."""
    return step + 1


def _values(trial: FinishedTrial) -> Sequence[float] | None:
    if trial.state == "complete":
        return trial.values
    return [trial.reports[max(trial.reports)]] if trial.reports else None
