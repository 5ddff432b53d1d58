"""Train as tasks of a Ray cluster: each channel is put into its object store once; results are returned as values."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any

from housing.data.channel import Channel
from housing.errors import HousingError, TrainingError
from housing.lazy import Lazy
from housing.targets.ray.cluster import connect, disconnect
from housing.targets.ray.progress_server import ProgressAddress, ProgressServer
from housing.training.job import Progress, TrainingJob, TrainingResult

if TYPE_CHECKING:
    from housing.targets.ray.settings import Settings

_MOST_JOBS = 64


class RayRunner:
    """Jobs start as soon as the cluster has room. A job whose worker is lost fails, and is not repeated.

    If several workers train a job together and one is lost, all of them restart from the last checkpoint. Each worker
    process builds its own matrix: processes cannot share one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ray: ModuleType = connect(settings)
        self._progress_server = Lazy(lambda: ProgressServer(self._ray.util.get_node_ip_address()))
        self._running: set[Future[TrainingResult]] = set()
        self._waiting = ThreadPoolExecutor(_MOST_JOBS, thread_name_prefix="together")

    @property
    def rental(self) -> None:
        """Jobs cost nothing."""

    def handle(self) -> None:
        """None: jobs end with this process."""

    def stage(self, channel: Channel) -> Any:
        """A reference to the object store, where the channel is kept as long as the reference."""
        if self._settings.workers > 1:
            from housing.targets.ray.together import StagedParts, parts_of

            return StagedParts(tuple(self._ray.put(part) for part in parts_of(channel, self._settings.workers)))
        return self._ray.put(channel)

    def submit(self, job: TrainingJob, progress: Progress | None = None) -> Future[TrainingResult]:
        """Send a job to the cluster; `progress` is called here, in a thread of this process."""
        address = self._progress_server.get().register(progress) if progress is not None else None
        outcome: Future[TrainingResult] = Future()
        outcome.set_running_or_notify_cancel()
        self._running.add(outcome)

        def ended(finished: Future[TrainingResult]) -> None:
            if address is not None:
                self._progress_server.get().unregister(address)
            self._running.discard(outcome)
            if (error := finished.exception()) is None:
                outcome.set_result(finished.result())
            else:
                outcome.set_exception(self._translated(job, error))

        self._begun(job, address).add_done_callback(ended)
        return outcome

    def _begun(self, job: TrainingJob, address: ProgressAddress | None) -> Future[TrainingResult]:
        threads = self._settings.threads_per_job
        if self._settings.workers == 1:
            found: Future[TrainingResult] = self._train.remote(job, threads, address).future()
            return found
        from housing.targets.ray.together import CheckpointKeeper, train_together

        kept = self._ray.remote(num_cpus=0)(CheckpointKeeper).remote()
        return self._waiting.submit(train_together, self._ray, job, threads=threads, address=address, kept=kept)

    def close(self) -> None:
        """Wait for running jobs, then disconnect from the cluster; one that was started here is ended."""
        wait_for(list(self._running))
        self._waiting.shutdown()
        if self._progress_server.is_made:
            self._progress_server.get().close()
        disconnect(self._settings)

    @cached_property
    def _train(self) -> Any:
        from housing.targets.ray.worker import train

        return self._ray.remote(num_cpus=self._settings.threads_per_job, max_retries=0)(train)

    def _translated(self, job: TrainingJob, error: BaseException) -> HousingError:
        if isinstance(error, self._ray.exceptions.RayTaskError) and isinstance(error.cause, HousingError):
            return error.cause
        text = str(error).strip().splitlines()
        reason = text[-1] if isinstance(error, self._ray.exceptions.RayTaskError) else text[0]
        return TrainingError(f"{job.name}: lost by Ray, {type(error).__name__}: {reason}")
