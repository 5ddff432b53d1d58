"""Early stopping as it would have been without an interruption.

SageMaker's container forgets its best round, and how long it has waited for a better one, whenever it restarts. So an
interrupted job trains for longer than an uninterrupted one, never shorter. As a round does not depend on later ones,
the surplus rounds can be cut off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from housing.targets.sagemaker.built_in.xgboost.metrics import names_of
from housing.training.job import TrainingJob
from housing.training.metrics import direction

_TRAINED = "_trained"


def without_interruption(
    job: TrainingJob, model: bytes, rounds: Mapping[int, Mapping[str, float]]
) -> tuple[bytes, int | None]:
    """The model that early stopping would have left, and how many rounds would have been trained; None: all of them.

    `rounds` are the metrics by round, as the container logs them; a missing value counts as worse than any other.
    """
    patience, metric = job.hyperparameters.get("early_stopping_rounds"), _watched(job)
    if patience is None or metric is None or "validation" not in job.channels:
        return model, None
    sign = 1 if direction(metric.removesuffix(_TRAINED)) == "minimize" else -1
    best, lowest, trained = 0, math.inf, None
    for number in sorted(rounds):
        value = sign * rounds[number].get(metric, sign * math.inf)
        if value < lowest:
            best, lowest = number, value
        elif number - best >= int(patience):  # type: ignore[arg-type]
            trained = number + 1
            break
    return _cut(model, best + 1, sign * lowest), trained


def _watched(job: TrainingJob) -> str | None:
    """The metric for early stopping, the last of `eval_metric`."""
    metrics = list(names_of(job).values())
    suffix = "" if job.label_transform == "none" else _TRAINED
    return f"validation_{metrics[-1]}{suffix}" if metrics else None


def _cut(model: bytes, rounds: int, score: float) -> bytes:
    from housing.algorithms.xgboost_library import xgboost

    booster = xgboost.Booster(model_file=bytearray(model))
    if booster.num_boosted_rounds() <= rounds:
        return model
    kept = booster[:rounds]
    kept.set_attr(best_iteration=str(rounds - 1), best_score=str(score))
    return bytes(kept.save_raw("ubj"))
