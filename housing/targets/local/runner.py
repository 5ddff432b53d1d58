"""Train in threads of this process, with matrices that are built once and shared."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

from housing.data.channel import Channel
from housing.training.fit import Matrices, fit
from housing.training.job import Progress, TrainingJob, TrainingResult

if TYPE_CHECKING:
    from housing.targets.local.settings import Settings

_MOST_THREADS = 64


class LocalRunner:
    """Jobs run as soon as they are submitted: the caller decides how many run at once.

    XGBoost releases the GIL while it trains, so one thread per job with `threads_per_job` 1 uses every core without a
    copy of the data; results then do not depend on how many jobs run at once.
    """

    def __init__(self, settings: Settings) -> None:
        self._threads_per_job = settings.threads_per_job
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="job")
        self._matrices = Matrices()
        self._ending = Event()

    @property
    def rental(self) -> None:
        """Jobs cost nothing."""

    def handle(self) -> None:
        """None: jobs end with this process."""

    def stage(self, channel: Channel) -> Channel:
        """The channel itself: jobs read the arrays in memory."""
        return channel

    def submit(self, job: TrainingJob, progress: Progress | None = None) -> Future[TrainingResult]:
        """Start a job in its own thread."""
        return self._pool.submit(
            fit, job, self._matrices, threads=self._threads_per_job, progress=progress, ending=self._ending
        )

    def close(self) -> None:
        """Wait for running jobs, then free the matrices. Scripts, which may run for hours, are asked to end."""
        self._ending.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._matrices.clear()
