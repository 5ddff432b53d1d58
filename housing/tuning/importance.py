"""How much each parameter mattered, by Optuna's PED-ANOVA, which needs no model of its own."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from housing.tuning.memory import as_optuna, optuna_distribution
from housing.tuning.optuna_library import optuna
from housing.tuning.space import SearchSpace
from housing.tuning.trial import Direction, FinishedTrial

_FEWEST_TRIALS = 10
_FEWEST_GOOD_TRIALS = 5
_RESAMPLINGS = 40
_LEFT_OUT = 2
"""How many of forty shares are cut at each end, so that nine tenths lie between."""


@dataclass(frozen=True)
class Importance:
    """A share of 1, and the range in which it lies in nine of ten resamplings of the trials."""

    share: float
    low: float
    high: float


def importances(
    space: SearchSpace, complete: Sequence[FinishedTrial], directions: tuple[Direction, ...]
) -> dict[str, Importance]:
    """Shares that sum to 1, largest first; empty with fewer than ten trials."""
    distributions = {name: optuna_distribution(distribution) for name, distribution in space.items()}
    trials = [trial for t in complete if (trial := as_optuna(t, space, distributions)) is not None]
    if len(trials) < _FEWEST_TRIALS:
        return {}
    shares = _shares(trials, directions)
    draw = random.Random(0)
    resampled = [_shares(draw.choices(trials, k=len(trials)), directions) for _ in range(_RESAMPLINGS)]
    found = {}
    for name, share in shares.items():
        others = sorted(each.get(name, 0.0) for each in resampled)
        low, high = others[_LEFT_OUT], others[-1 - _LEFT_OUT]
        found[name] = Importance(share, min(low, share), max(high, share))
    return found


def _shares(trials: Sequence[optuna.trial.FrozenTrial], directions: tuple[Direction, ...]) -> dict[str, float]:
    study = optuna.create_study(directions=list(directions))
    study.add_trials(trials)
    # Optuna advises at least five trials among the good ones, where a tenth of a small study would be one or two.
    good = max(0.1, _FEWEST_GOOD_TRIALS / len(trials))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=good)
    with warnings.catch_warnings():
        # The warning about a parameter that few trials have: its wide range says so already.
        warnings.simplefilter("ignore", UserWarning)
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {name: float(share) for name, share in shares.items()}
