"""Train on Amazon SageMaker: jobs that outlive this process, found again by name or by their tags."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import replace
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from housing.algorithms.own_code import Image, Program
from housing.costs import Rental
from housing.data.channel import Channel
from housing.errors import CloudError, HousingError, JobRefused, TrainingError
from housing.targets.managed import ManagedJob, ManagedStudy, Watch
from housing.targets.sagemaker.clients import Clients
from housing.targets.sagemaker.containers import JobResources
from housing.targets.sagemaker.machines import check_instance_type
from housing.targets.sagemaker.names import job_name, study_name
from housing.targets.sagemaker.refusals import may_pass
from housing.targets.sagemaker.staging import Stage, Staged
from housing.targets.sagemaker.training.container import checked_container, container_of
from housing.targets.sagemaker.training.descriptions import Description
from housing.targets.sagemaker.training.following import Follower, OnLine, Overview
from housing.targets.sagemaker.training.jobs import Jobs
from housing.targets.sagemaker.training.requests import checkpoint_folder, training_request
from housing.training.job import Progress, TrainingJob, TrainingResult

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings
    from housing.tuning.space import SearchSpace
    from housing.tuning.spec import Study


class SageMakerRunner:
    """Each job has a thread here that follows it; the threads end with this process, the jobs do not."""

    def __init__(self, settings: Settings, keys: Mapping[str, str] | None = None) -> None:
        self._settings = settings
        self._clients = Clients(settings, keys)
        self._jobs = Jobs(self._clients)
        self._jobs.load_sdk()
        self._stage = Stage(self._clients, settings)
        self._listeners: list[OnLine] = []
        self._follower = Follower(
            self._clients,
            self._jobs,
            self._stage,
            Overview(self._jobs, prefix=settings.prefix, poll_s=settings.poll_s),
            poll_s=settings.poll_s,
            on_line=self._tell,
        )
        self._running: set[Future[TrainingResult]] = set()
        self._new: set[str] = set()

    @property
    def rental(self) -> Rental:
        """What each job rents; waiting for spot capacity costs nothing."""
        settings = self._settings
        return Rental(settings.instance_type, settings.instance_count, settings.max_run_s)

    def handle(self) -> str:
        """A new name for a training job."""
        name = job_name(self._settings.prefix)
        self._new.add(name)
        return name

    def study_handle(self) -> str:
        """A new name for a tuning job, which may be only half as long."""
        return study_name(self._settings.prefix)

    def stage(self, channel: Channel) -> Staged:
        """Upload it as CSV, unless it was uploaded before: objects are named by their digest."""
        return self._stage.put(channel)

    def submit(self, job: TrainingJob, progress: Progress | None = None) -> Future[TrainingResult]:
        """Create the job, or follow the existing one of its handle; `progress` is called in the job's own thread."""
        job = job if job.handle else replace(job, handle=self.handle())
        outcome: Future[TrainingResult] = Future()
        outcome.set_running_or_notify_cancel()
        self._running.add(outcome)

        def run() -> None:
            try:
                result = self._follower.follow(job, self._begun(job), progress)
            except HousingError as error:
                outcome.set_exception(error)
            except BaseException as error:  # any kind: a future that never ends would block the command for ever
                failure = TrainingError(f"{job.name}: {type(error).__name__}: {error}")
                failure.__cause__ = error
                outcome.set_exception(failure)
            else:
                outcome.set_result(result)
            finally:
                self._running.discard(outcome)

        # A daemon: a command that is ended early must not wait for its jobs.
        threading.Thread(target=run, name=job.handle, daemon=True).start()
        return outcome

    def search(self, study: ManagedStudy, watch: Watch) -> None:
        """Run a tuning job; see `housing.targets.sagemaker.training.search`."""
        from housing.targets.sagemaker.training.search import search

        resources = self._job_resources(study.job)
        search(study, watch, settings=self._settings, resources=resources, jobs=self._jobs, follower=self._follower)

    def search_faults(
        self, study: Study, space: SearchSpace, algorithm: str, code: Program | Image | None
    ) -> Sequence[str]:
        """What a tuning job cannot do of a study; see `SearchingRunner`."""
        from housing.targets.sagemaker.training.tuning import faults

        return faults(study, space, container_of(algorithm, code))

    def listen(self, on_line: OnLine) -> None:
        """From now on call `on_line(handle, line)` with every line that running jobs log; from any thread."""
        self._listeners.append(on_line)

    def stop(self, handle: str) -> None:
        """Ask a job, or a whole study, to end; does nothing if it has ended, or does not exist."""
        if self._jobs.describe(handle) is not None:
            self._jobs.stop(handle)
        elif self._jobs.describe_study(handle) is not None:
            self._jobs.stop_study(handle)

    def find(self, tags: Mapping[str, str], known: Collection[str] = ()) -> Sequence[ManagedJob]:
        """The training jobs that have all of these tags, the latest first; see `LastingRunner`."""
        from housing.targets.sagemaker.training.finding import found

        return [
            found(number, description, self._follower)
            for number, description in enumerate(self._jobs.search(tags))
            if description.handle not in known
        ]

    def close(self) -> None:
        """Wait for running jobs. Staged channels are kept, for later commands to use."""
        wait_for(list(self._running))

    def _begun(self, job: TrainingJob) -> Description:
        """The job at SageMaker, created unless it exists. Never twice: a name can be used only once."""
        assert job.handle is not None
        if job.handle not in self._new and (existing := self._jobs.describe(job.handle)) is not None:
            return existing
        try:
            return self._created(job)
        except CloudError as error:
            # If only DescribeTrainingJob failed, the job has been created.
            is_there = getattr(error.__cause__, "operation_name", "") == "DescribeTrainingJob"
            if is_there or may_pass(error):
                raise
            raise JobRefused(str(error)) from error

    def _created(self, job: TrainingJob) -> Description:
        assert job.handle is not None
        resources = self._job_resources(job)
        spot = self._settings.spot
        if spot.enabled and spot.checkpoints:
            folder = checkpoint_folder(resources, job.handle)
            container_of(job.algorithm, job.code).prepare_spot(job, folder, self._stage)
        return self._jobs.create(training_request(job, self._settings, resources))

    def _job_resources(self, job: TrainingJob) -> JobResources:
        common = self._any_resources
        container = checked_container(job, self._settings)
        resources = replace(common, image=container.image(self._settings, self._clients.region))
        if (source := container.source()) is None:
            return resources
        uri = self._stage.put_bytes(source, "code", sha256(source).hexdigest(), "sourcedir.tar.gz")
        return replace(resources, code=uri)

    @cached_property
    def _any_resources(self) -> JobResources:
        """The resources that all jobs have in common."""
        clients, settings = self._clients, self._settings
        check_instance_type("runner.instance_type", settings.instance_type, "TrainingInstanceType")
        return JobResources(
            image="",
            role_arn=clients.role_arn,
            folder=f"s3://{clients.bucket}/{settings.prefix}",
            region=clients.region,
        )

    def _tell(self, handle: str, line: str) -> None:
        for on_line in self._listeners:
            on_line(handle, line)
