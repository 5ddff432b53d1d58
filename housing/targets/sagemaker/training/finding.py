"""Jobs that another command has submitted, described like those of a study."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from housing.algorithms.registry import OWN_CODE
from housing.errors import TrainingError
from housing.targets.managed import ManagedJob
from housing.targets.sagemaker.training.reading import job_of, values

if TYPE_CHECKING:
    from housing.targets.sagemaker.training.descriptions import Description
    from housing.targets.sagemaker.training.following import Follower


def found(number: int, description: Description, follower: Follower) -> ManagedJob:
    """One of them, with its result if it has completed; `number` counts them.

    A user's script or image is left without a result, which needs the reader of its log.
    """
    job = job_of(description)
    hyperparameters = values(description.hyperparameters, job.algorithm)
    managed = partial(ManagedJob, number, description.handle, hyperparameters, tags=description.tags)
    if description.is_running:
        return managed("running")
    if description.status == "Failed":
        return managed("failed", reason=description.reason or "no reason given")
    ended: Literal["stopped", "complete"] = "stopped" if description.status == "Stopped" else "complete"
    if job.algorithm in OWN_CODE:
        return managed(ended)
    try:
        result = follower.completed(job, description)
    except TrainingError as error:
        return managed("failed", reason=str(error))
    return managed(ended, history=result.history, result=result)
