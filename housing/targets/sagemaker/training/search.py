"""A study that SageMaker's Automatic Model Tuning runs, followed from here."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from housing.errors import CloudError, ConfigError, HousingError, TrainingError
from housing.targets.managed import ManagedJob, ManagedStudy, Watch
from housing.targets.sagemaker.training.container import container_of
from housing.targets.sagemaker.training.reading import values
from housing.targets.sagemaker.training.tuning import faults, fixed_values, tuning_request
from housing.training.job import TrainingJob, TrainingResult

if TYPE_CHECKING:
    from housing.targets.sagemaker.containers import JobResources
    from housing.targets.sagemaker.settings import Settings
    from housing.targets.sagemaker.training.descriptions import StudyDescription
    from housing.targets.sagemaker.training.following import Follower
    from housing.targets.sagemaker.training.jobs import Jobs


def search(
    managed: ManagedStudy, watch: Watch, *, settings: Settings, resources: JobResources, jobs: Jobs, follower: Follower
) -> None:
    """Run the study, or resume following the one of its name; see `SearchingRunner`.

    Raises ConfigError for what a tuning job cannot do, before anything is paid for.
    """
    if found := faults(managed.study, managed.space, container_of(managed.job.algorithm, managed.job.code)):
        raise ConfigError("; ".join(found))
    study = jobs.describe_study(managed.handle) or jobs.create_study(tuning_request(managed, settings, resources))
    _Watching(managed, watch, jobs, follower).until_the_end(study, poll_s=settings.poll_s)


@dataclass
class _Followed:
    """One of the study's jobs, as far as this process knows it."""

    number: int
    job: TrainingJob
    rounds: list[Mapping[str, float]] = field(default_factory=list)
    result: TrainingResult | None = None
    error: HousingError | None = None
    ended: bool = False

    def now(self) -> ManagedJob:
        """Its current state, as passed to `watch`."""
        assert self.job.handle is not None
        hyperparameters: Any = self.job.hyperparameters
        if isinstance(self.error, TrainingError):
            return ManagedJob(self.number, self.job.handle, hyperparameters, "failed", reason=str(self.error))
        if self.result is None:
            return ManagedJob(self.number, self.job.handle, hyperparameters, "running", history=self._history())
        return ManagedJob(
            self.number,
            self.job.handle,
            hyperparameters,
            "stopped" if self.result.stopped else "complete",
            history=self.result.history,
            result=self.result,
        )

    def _history(self) -> dict[str, Sequence[float]]:
        rounds = list(self.rounds)
        return {name: [each[name] for each in rounds if name in each] for name in (rounds[0] if rounds else ())}


class _Watching:
    def __init__(self, managed: ManagedStudy, watch: Watch, jobs: Jobs, follower: Follower) -> None:
        self._managed = managed
        self._watch = watch
        self._jobs = jobs
        self._follower = follower
        self._followed: dict[str, _Followed] = {}
        self._changes: queue.SimpleQueue[_Followed] = queue.SimpleQueue()
        self._should_stop = False

    def until_the_end(self, study: StudyDescription, *, poll_s: float) -> None:
        asked = False
        while True:
            self._follow_new_ones()
            self._tell(within_s=poll_s)
            if self._should_stop and not asked:
                asked = True
                self._jobs.stop_study(study.handle)
            if not study.is_running and all(each.ended for each in self._followed.values()):
                break
            study = self._again(study)
        self._tell(within_s=0)
        lost = [each.error for each in self._followed.values() if isinstance(each.error, CloudError)]
        if study.status == "Failed":
            raise TrainingError(
                f"{self._managed.study.name}: SageMaker's tuning job {study.handle} failed: "
                f"{study.reason or 'no reason given'}"
            )
        if lost:
            raise lost[0]

    def _again(self, study: StudyDescription) -> StudyDescription:
        if not study.is_running:
            return study
        found = self._jobs.describe_study(study.handle)
        if found is None:
            raise CloudError(f"sagemaker: the tuning job {study.handle} is gone")
        if not found.is_running:
            self._follow_new_ones()
        return found

    def _follow_new_ones(self) -> None:
        shared = self._managed.job
        for handle, tuned in self._jobs.of_study(self._managed.handle):
            if handle in self._followed:
                continue
            hyperparameters = {
                **shared.hyperparameters,
                **fixed_values(self._managed.space),
                **values(tuned, shared.algorithm),
            }
            number = len(self._followed)
            job = replace(shared, name=f"{shared.name} {number}", handle=handle, hyperparameters=hyperparameters)
            followed = self._followed[handle] = _Followed(number, job)
            self._changes.put(followed)
            threading.Thread(target=self._follow, args=(followed,), name=handle, daemon=True).start()

    def _follow(self, followed: _Followed) -> None:
        assert followed.job.handle is not None

        def progress(_number: int, newest: Mapping[str, float]) -> bool:
            followed.rounds.append(newest)
            self._changes.put(followed)
            return False

        try:
            description = self._jobs.existing(followed.job.handle)
            followed.result = self._follower.follow(followed.job, description, progress)
        except HousingError as error:
            followed.error = self._settled(followed.job.handle, error)
        except BaseException as error:  # a job that is never marked as ended would be waited for for ever
            followed.error = TrainingError(f"{followed.job.name}: {type(error).__name__}: {error}")
        followed.ended = True
        self._changes.put(followed)

    def _settled(self, handle: str, error: HousingError) -> HousingError:
        """A job that got no machine has failed (TrainingError); one that cannot be reached may still succeed."""
        try:
            is_over = isinstance(error, CloudError) and self._jobs.existing(handle).status == "Failed"
        except CloudError:
            return error
        return TrainingError(str(error)) if is_over else error

    def _tell(self, *, within_s: float) -> None:
        """Call `watch` with each job that has changed, once; waits for a first change."""
        changed: dict[int, _Followed] = {}
        try:
            first = self._changes.get(timeout=within_s) if within_s else self._changes.get_nowait()
            changed[first.number] = first
            while True:
                followed = self._changes.get_nowait()
                changed[followed.number] = followed
        except queue.Empty:
            pass
        for number in sorted(changed):
            if self._watch(changed[number].now()):
                self._should_stop = True
