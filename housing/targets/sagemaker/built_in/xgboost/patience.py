"""Early stopping as it would have been without an interruption.

SageMaker's container forgets its best round, and how long it has waited for a better one, whenever it starts again. So
an interrupted job trains for longer than one in one go, never shorter; and a round does not depend on those after it.
What was trained too much can be cut off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from housing.training.job import TrainingJob


def without_interruption(
    job: TrainingJob, model: bytes, rounds: Mapping[int, Mapping[str, float]]
) -> tuple[bytes, int | None]:
    """The model as early stopping would have left it, and how many rounds would have been trained; None: all of them.

    `rounds` are the metrics by round, as the container logs them; one that is not known counts as worse than any other.
    """
    patience, metric = job.hyperparameters.get("early_stopping_rounds"), _watched(job)
    if patience is None or metric is None or "validation" not in job.channels:
        return model, None
    best, lowest, trained = 0, math.inf, None
    for number in sorted(rounds):
        value = rounds[number].get(metric, math.inf)
        if value < lowest:
            best, lowest = number, value
        elif number - best >= int(patience):  # type: ignore[arg-type]
            trained = number + 1
            break
    return _cut(model, best + 1, lowest), trained


def _watched(job: TrainingJob) -> str | None:
    """The metric that stops a job, the last of `eval_metric`; lower is better for all that there are."""
    named = job.hyperparameters.get("eval_metric", ())
    metrics = [named] if isinstance(named, str) else list(named)  # type: ignore[arg-type]
    suffix = "" if job.label_transform == "none" else "_trained"
    return f"validation_{metrics[-1]}{suffix}" if metrics else None


def _cut(model: bytes, rounds: int, score: float) -> bytes:
    import xgboost

    booster = xgboost.Booster(model_file=bytearray(model))
    if booster.num_boosted_rounds() <= rounds:
        return model
    kept = booster[:rounds]
    kept.set_attr(best_iteration=str(rounds - 1), best_score=str(score))
    return bytes(kept.save_raw("ubj"))
