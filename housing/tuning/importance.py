"""How much each parameter mattered, by Optuna's PED-ANOVA, which needs no model of its own."""

from __future__ import annotations

from collections.abc import Sequence

import optuna

from housing.tuning.memory import as_optuna, optuna_distribution
from housing.tuning.space import SearchSpace
from housing.tuning.trial import Direction, FinishedTrial

_FEWEST_TRIALS = 10
_FEWEST_GOOD_TRIALS = 5


def importances(
    space: SearchSpace, complete: Sequence[FinishedTrial], directions: tuple[Direction, ...]
) -> dict[str, float]:
    """Shares that sum to 1, largest first; empty with fewer than ten trials."""
    distributions = {name: optuna_distribution(distribution) for name, distribution in space.items()}
    trials = [trial for t in complete if (trial := as_optuna(t, space, distributions)) is not None]
    if len(trials) < _FEWEST_TRIALS:
        return {}
    study = optuna.create_study(directions=list(directions))
    study.add_trials(trials)
    # Optuna advises at least five trials among the good ones, where a tenth of a small study would be one or two.
    good = max(0.1, _FEWEST_GOOD_TRIALS / len(trials))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=good)
    return {
        name: float(share)
        for name, share in optuna.importance.get_param_importances(study, evaluator=evaluator).items()
    }
