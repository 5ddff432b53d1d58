"""Train on Amazon SageMaker."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from housing.costs import Rental
from housing.data.channel import Channel
from housing.training.job import Progress, TrainingJob, TrainingResult

if TYPE_CHECKING:
    from housing.targets.sagemaker import Settings


class SageMakerRunner:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def rental(self) -> Rental | None:
        raise NotImplementedError

    def handle(self) -> str | None:
        raise NotImplementedError

    def stage(self, channel: Channel) -> Any:
        raise NotImplementedError

    def submit(self, job: TrainingJob, progress: Progress | None = None) -> Future[TrainingResult]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
