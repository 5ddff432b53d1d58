"""Jobs that somebody else has submitted, told as those of a study are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from housing.errors import TrainingError
from housing.targets.managed import ManagedJob
from housing.targets.sagemaker.training.reading import job_of, values

if TYPE_CHECKING:
    from housing.targets.sagemaker.training.following import Follower
    from housing.targets.sagemaker.training.jobs import Description

_BUILT_IN = "xgboost"


def found(number: int, description: Description, follower: Follower) -> ManagedJob:
    """One of them, with its result where it has ended well; `number` counts them.

    The result of a user's script or image needs what read its lines, and is left to whoever has that.
    """
    job = job_of(description)
    handle, tags, hyperparameters = (
        description.handle,
        description.tags,
        values(description.hyperparameters, job.algorithm),
    )
    if description.is_running:
        return ManagedJob(number, handle, hyperparameters, "running", tags=tags)
    if description.status == "Failed":
        reason = description.reason or "no reason given"
        return ManagedJob(number, handle, hyperparameters, "failed", reason=reason, tags=tags)
    stopped = description.status == "Stopped"
    if job.algorithm != _BUILT_IN:
        return ManagedJob(number, handle, hyperparameters, "stopped" if stopped else "complete", tags=tags)
    try:
        result = follower.completed(job, description)
    except TrainingError as error:
        return ManagedJob(number, handle, hyperparameters, "failed", reason=str(error), tags=tags)
    return ManagedJob(
        number,
        handle,
        hyperparameters,
        "stopped" if stopped else "complete",
        history=result.history,
        result=result,
        tags=tags,
    )
