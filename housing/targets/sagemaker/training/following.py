"""Follows a job from its start to its result: passes on its log while it runs, and stops it when asked to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from housing.algorithms.registry import find
from housing.errors import CloudError, HousingError
from housing.targets.sagemaker.containers import LogReader
from housing.targets.sagemaker.refusals import may_pass
from housing.targets.sagemaker.training import outcome
from housing.targets.sagemaker.training.container import container_of
from housing.targets.sagemaker.training.logs import LogTail

if TYPE_CHECKING:
    from housing.targets.sagemaker.clients import Clients
    from housing.targets.sagemaker.staging import Stage
    from housing.targets.sagemaker.training.descriptions import Description
    from housing.targets.sagemaker.training.jobs import Jobs
    from housing.training.job import Progress, TrainingJob, TrainingResult

OnLine = Callable[[str, str], None]
"""Called with a handle and a line that its job has logged."""

_LOGS_WITHIN_S = 20.0
"""A line reaches CloudWatch some seconds after the container has written it."""
_POLLS_FOR_LOGS = 10
_POLLS_WITHOUT_ANSWER = 60


class Overview:
    """Polls all running jobs together: one call lists which of them have changed, and only those are described."""

    def __init__(self, jobs: Jobs, *, prefix: str, poll_s: float) -> None:
        self._jobs = jobs
        self._prefix = prefix
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._known: dict[str, Description] = {}
        self._listed: dict[str, tuple[str, datetime]] = {}
        self._listed_at = -poll_s

    @contextmanager
    def watching(self, description: Description) -> Iterator[None]:
        """Include this job in the list within the block."""
        with self._lock:
            self._known[description.handle] = description
        try:
            yield
        finally:
            with self._lock:
                self._known.pop(description.handle, None)

    def look(self, handle: str) -> Description:
        """The job's current state; the same object as before if it has not changed. Raises CloudError."""
        with self._lock:
            known = self._known[handle]
            if len(self._known) > 1 and self._listing(handle) == (known.status, known.modified):
                return known
        description = self._jobs.existing(handle)
        if description == known:
            return known
        with self._lock:
            self._known[handle] = description
        return description

    def _listing(self, handle: str) -> tuple[str, datetime] | None:
        if time.monotonic() - self._listed_at > 0.8 * self._poll_s:
            oldest = min(each.created for each in self._known.values())
            self._listed = dict(self._jobs.modified(self._prefix, oldest - timedelta(seconds=1)))
            self._listed_at = time.monotonic()
        return self._listed.get(handle)


class Follower:
    """Follows jobs, one in each calling thread."""

    def __init__(
        self, clients: Clients, jobs: Jobs, stage: Stage, overview: Overview, *, poll_s: float, on_line: OnLine
    ) -> None:
        self._clients = clients
        self._jobs = jobs
        self._stage = stage
        self._overview = overview
        self._poll_s = poll_s
        self._on_line = on_line

    def follow(self, job: TrainingJob, description: Description, progress: Progress | None) -> TrainingResult:
        """Wait for the job's end. Raises TrainingError when it has failed; any error of ours leaves it running.

        What `progress` raises stops the job, except our own errors: an unreachable record should not waste what has
        been paid for.
        """
        reading = _Reading(job, LogTail(self._clients, description.handle), progress, self._on_line)
        with self._overview.watching(description):
            try:
                while description.is_running:
                    description = self._patient_step(job, description, reading)
            except HousingError as error:
                raise type(error)(
                    f"{error}; the job {description.handle} may go on at SageMaker: `housing attach` completes its run"
                ) from error
            except BaseException:
                self._jobs.stop(description.handle)
                raise
        return self.completed(job, description, reading)

    def completed(self, job: TrainingJob, description: Description, reading: _Reading | None = None) -> TrainingResult:
        """The result of a job that has ended."""
        reading = reading or _Reading(job, LogTail(self._clients, description.handle), None, self._on_line)
        if description.status == "Failed":
            reading.read(look_for_streams=True)
        outcome.check(job, description)
        trained = outcome.trained_of(job, description, self._stage)
        self._read_to_the_end(reading, _expected(job, outcome.rounds_of(job, trained.model)))
        stopped = reading.should_stop or description.status == "Stopped"
        if stopped and not trained.model and not reading.should_stop:
            raise outcome.stopped_too_early(job, description)
        outcome.complete(job, trained.model, reading.log_reader, self._stage)
        rounds: int | None = None
        if description.interruptions and trained.model and not stopped:
            container = container_of(job.algorithm, job.code)
            model, rounds = container.as_if_uninterrupted(job, trained.model, reading.log_reader.known)
            trained = replace(trained, model=model)
        return outcome.result(
            job,
            description,
            trained=trained,
            history={name: values[:rounds] for name, values in reading.log_reader.history().items()},
            stage=self._stage,
            stopped=stopped,
            streams=reading.streams,
            region=self._clients.region,
        )

    def _patient_step(self, job: TrainingJob, description: Description, reading: _Reading) -> Description:
        """Poll once more; a network or service that is down for a while costs only time."""
        for polls_left in reversed(range(_POLLS_WITHOUT_ANSWER)):
            try:
                return self._step(job, description, reading)
            except CloudError as error:
                if not may_pass(error) or not polls_left:
                    raise
                time.sleep(self._poll_s)
        raise AssertionError("the last poll returns or raises")

    def _step(self, job: TrainingJob, description: Description, reading: _Reading) -> Description:
        if description.has_logs:
            # Each start has its own stream, which appears some time after the job reports that it is training again.
            reading.read(look_for_streams=len(reading.streams) <= description.interruptions)
            if reading.should_stop and not reading.stopped:
                self._jobs.stop(description.handle)
                reading.stopped = True
        if description.checkpoints and description.handle in description.checkpoints:
            container_of(job.algorithm, job.code).keep_checkpoint(description.checkpoints, self._stage)
        time.sleep(self._poll_s)
        return self._overview.look(description.handle)

    def _read_to_the_end(self, reading: _Reading, expected_rounds: int) -> None:
        deadline = time.monotonic() + min(_LOGS_WITHIN_S, _POLLS_FOR_LOGS * self._poll_s)
        while True:
            reading.read(look_for_streams=True)
            if reading.log_reader.newest + 1 >= expected_rounds or time.monotonic() > deadline:
                break
            time.sleep(min(self._poll_s, 1.0))
        reading.end()


class _Reading:
    """Reads the log of one job, reports its rounds, and keeps whether it should stop."""

    def __init__(self, job: TrainingJob, tail: LogTail, progress: Progress | None, on_line: OnLine) -> None:
        self.log_reader: LogReader = container_of(job.algorithm, job.code).log_reader(job)
        self.should_stop = False
        self.stopped = False
        self._tail = tail
        self._progress = progress
        self._on_line = on_line
        self._stream: str | None = None

    @property
    def streams(self) -> list[str]:
        return self._tail.streams

    def read(self, *, look_for_streams: bool) -> None:
        for stream, line in self._tail.read(look_for_streams=look_for_streams):
            if stream != self._stream:
                self._stream = stream
                self.log_reader.begin()
            self._on_line(self._tail.handle, line)
            self._tell(self.log_reader.read(line))

    def end(self) -> None:
        self._tell(self.log_reader.end())

    def _tell(self, rounds: Sequence[tuple[int, Mapping[str, float]]]) -> None:
        for number, values in rounds:
            if self._progress is not None and not self.should_stop:
                self.should_stop = self._progress(number, values)


def _expected(job: TrainingJob, rounds: int | None) -> int:
    """How many rounds the job's log must have if its model has `rounds`."""
    if rounds is None:
        return 1
    has = find(job.algorithm).capabilities
    patience = job.hyperparameters.get(has.early_stopping or "") if "validation" in job.channels else None
    most = job.hyperparameters.get(has.rounds or "")
    return min(most, rounds + patience) if isinstance(patience, int) and isinstance(most, int) else rounds
