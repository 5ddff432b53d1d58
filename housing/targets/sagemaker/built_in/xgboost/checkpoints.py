"""Lets spot jobs resume where they were interrupted.

The built-in container looks for `xgboost-checkpoint.<round>` when it starts, but writes
`xgboost-checkpoint_<round>.ubj`, and only for round 0 unless it began from a checkpoint: by itself it starts over after
each interruption. So, while the job runs, the newest checkpoint is copied to the name that is looked for; and where
that does not change the model, the first round is trained here and uploaded beforehand, after which the container
writes a checkpoint every round. Checkpoints do not include the state of early stopping: its patience starts over.
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
    """Train the first round here, and upload it to `folder` as the checkpoint from which the job begins.

    Jobs that sample rows, columns or trees are left alone: they would sample differently than in one go. So are jobs
    with weights: the library's metrics of that round would be weighted, and could not be filled in.
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
    """Copy the newest checkpoint to the name that the container looks for when it restarts. Raises CloudError."""
    names = stage.names(folder)
    written = max((int(found[1]) for name in names if (found := _WRITTEN.fullmatch(name))), default=-1)
    ready = max((int(found[1]) for name in names if (found := _LOOKED_FOR.fullmatch(name))), default=-1)
    if written > ready:
        stage.copy(f"{folder}/xgboost-checkpoint_{written}.ubj", f"{folder}/xgboost-checkpoint.{written}")


def _is_the_same_in_parts(hyperparameters: Mapping[str, object]) -> bool:
    samples = any(float(str(hyperparameters.get(name, 1))) < 1 for name in _SAMPLING)
    return not samples and hyperparameters.get("booster", "gbtree") == "gbtree"
