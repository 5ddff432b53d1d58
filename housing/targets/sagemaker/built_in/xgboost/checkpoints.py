"""Spot jobs that go on where they were interrupted.

The built-in container looks for `xgboost-checkpoint.<round>` when it starts, but writes another name,
`xgboost-checkpoint_<round>.ubj`, and that of round 0 alone when there was none to begin with: by itself it trains anew
after each interruption. So the newest checkpoint gets the name that is looked for, while the job runs; and where it
changes nothing the first round is trained here and laid there beforehand, after which the container writes one after
every round. What early stopping remembers is in no checkpoint: its patience begins anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.algorithms.registry import fitting

if TYPE_CHECKING:
    from housing.targets.sagemaker.staging import Stage, Staged
    from housing.training.job import TrainingJob

_WRITTEN = re.compile(r"xgboost-checkpoint_(\d+)\.ubj")
_LOOKED_FOR = re.compile(r"xgboost-checkpoint\.(\d+)")
_SAMPLING = ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode")


def lay_first_round(job: TrainingJob, channels: Mapping[str, Staged], folder: str, stage: Stage) -> None:
    """Train the first round here, and leave it in `folder` as the checkpoint that the job begins from.

    Jobs that draw rows, columns or trees by chance are left alone: they would draw otherwise than in one go. So are
    those with weights: what the library measures of that round is weighed, and would be missing.
    """
    hyperparameters = job.hyperparameters
    rounds = int(hyperparameters["num_round"])  # type: ignore[arg-type]
    if job.weighed or rounds < 2 or not _is_the_same_in_parts(hyperparameters):
        return
    channel = channels["train"].channel
    if channel is None:
        return
    algorithm = fitting(job.algorithm)
    first = {k: v for k, v in hyperparameters.items() if k != "early_stopping_rounds"} | {"num_round": 1}
    first |= {"monotone_constraints": channel.directions} if any(channel.directions) else {}
    matrix = algorithm.matrix(channel.features, channel.label, first)
    stage.write(algorithm.fit(first, matrix, seed=job.seed).model, f"{folder}/xgboost-checkpoint.0")


def keep_newest(folder: str, stage: Stage) -> None:
    """Give the newest one the name that the container looks for when it starts again. Raises CloudError."""
    names = stage.names(folder)
    written = max((int(found[1]) for name in names if (found := _WRITTEN.fullmatch(name))), default=-1)
    ready = max((int(found[1]) for name in names if (found := _LOOKED_FOR.fullmatch(name))), default=-1)
    if written > ready:
        stage.copy(f"{folder}/xgboost-checkpoint_{written}.ubj", f"{folder}/xgboost-checkpoint.{written}")


def _is_the_same_in_parts(hyperparameters: Mapping[str, object]) -> bool:
    samples = any(float(str(hyperparameters.get(name, 1))) < 1 for name in _SAMPLING)
    return not samples and hyperparameters.get("booster", "gbtree") == "gbtree"
