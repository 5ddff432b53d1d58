"""Training jobs: created, looked at, stopped and deleted as on AWS; each is run by a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from housing.rehearsal.answers import ApiError, refused, unsupported
from housing.rehearsal.api import listing
from housing.rehearsal.api.operations import on_end, on_start, operation
from housing.rehearsal.kinds import AT_WORK, KINDS
from housing.rehearsal.training import requests
from housing.rehearsal.training.engine import Engine
from housing.rehearsal.training.run import INTERNAL, KIND, Run, transition

if TYPE_CHECKING:
    from housing.rehearsal.store import Record
    from housing.rehearsal.world import World


class Workshop:
    """The jobs that run now, each with its thread, and the engine of their containers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._runs: dict[str, tuple[Run, threading.Thread]] = {}
        self._searches: list[threading.Thread] = []
        self.engine = Engine(world.folder / "containers.log")

    def begin(self, name: str) -> None:
        run = Run(self._world, self.engine, name)
        thread = threading.Thread(target=run.go, name=f"job {name}", daemon=True)
        with self._lock:
            self._runs[name] = (run, thread)
            thread.start()

    def stop(self, name: str) -> None:
        with self._lock:
            job = self._runs.get(name)
        if job:
            job[0].stop()

    def history(self, name: str, metric: str) -> list[float]:
        """What a job has told of a metric so far; nothing of a job that ran before the rehearsal was started."""
        with self._lock:
            job = self._runs.get(name)
        return job[0].history(metric) if job else []

    def search(self, name: str, run: Callable[[], None]) -> None:
        """Run a tuning job, which begins jobs of its own, and ends when the rehearsal does."""
        thread = threading.Thread(target=run, name=f"tuning {name}", daemon=True)
        with self._lock:
            self._searches = [*(known for known in self._searches if known.is_alive()), thread]
            thread.start()

    def close(self) -> None:
        for search in self._searches:
            search.join()
        with self._lock:
            jobs = list(self._runs.values())
        for run, _ in jobs:
            run.stop()
        self.engine.close()
        for _, thread in jobs:
            thread.join()


_WORKSHOPS: WeakKeyDictionary[World, Workshop] = WeakKeyDictionary()


def workshop(world: World) -> Workshop:
    if world not in _WORKSHOPS:
        _WORKSHOPS[world] = Workshop(world)
    return _WORKSHOPS[world]


def create(world: World, request: dict[str, Any], **more: Any) -> str:
    """Keep the job and let it run; its ARN. `more` are members that only AWS itself sets. Raises ApiError."""
    if world.store.has(KIND, request["TrainingJobName"]):
        raise KINDS[KIND].exists(world.arn(KIND, request["TrainingJobName"]))
    requests.check(world, request)
    record = {
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [],
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **request,
        **more,
    }
    record["StoppingCondition"] = {"MaxRuntimeInSeconds": 86400, **record["StoppingCondition"]}
    transition(record, "Starting", "Starting the training job")
    made = world.store.create(KIND, request["TrainingJobName"], record)
    workshop(world).begin(request["TrainingJobName"])
    return str(made["TrainingJobArn"])


def stop(world: World, name: str) -> None:
    """Ask a job to stop; one that has ended stays as it is."""
    with world.store.edit(KIND, name) as record:
        if record["TrainingJobStatus"] != "InProgress":
            return
        record["TrainingJobStatus"] = "Stopping"
        transition(record, "Stopping", "Stopping the training job")
    workshop(world).stop(name)


@operation("CreateTrainingJob")
def create_training_job(world: World, request: dict[str, Any]) -> dict[str, Any]:
    return {"TrainingJobArn": create(world, request)}


@operation("DescribeTrainingJob")
def describe_training_job(world: World, request: dict[str, Any]) -> dict[str, Any]:
    record = listing.describe(world, KIND, request)
    definitions = requests.metric_definitions(record, world.region)
    record["AlgorithmSpecification"] |= {
        "MetricDefinitions": definitions,
        "EnableSageMakerMetricsTimeSeries": bool(definitions),
    }
    return record


@operation("ListTrainingJobs")
def list_training_jobs(world: World, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("WarmPoolStatusEquals") or request.get("TrainingPlanArnEquals"):
        raise unsupported("Warm pools and training plans are not supported by the rehearsal.")
    return listing.summaries(world, KIND, request, member="TrainingJobSummaries")


@operation("StopTrainingJob")
def stop_training_job(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    status = world.store.get(KIND, name)["TrainingJobStatus"]
    if status not in AT_WORK:
        raise refused(f"The request was rejected because the training job is in status {status}.")
    stop(world, name)
    return {}


@operation("DeleteTrainingJob")
def delete_training_job(world: World, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    status = world.store.get(KIND, name)["TrainingJobStatus"]
    if status in AT_WORK:
        raise ApiError("ResourceInUse", f"Training job {name} is in status {status}: it must end first.")
    world.store.remove(KIND, name)
    return {}


@on_start
def take_up(world: World) -> None:
    """Bring to an end what a killed rehearsal has left, or run it again where its RetryStrategy says so.

    What such a job had trained is lost and is not billed.
    """
    workshop(world).engine.warm()
    for left in world.store.list(KIND):
        if left["TrainingJobStatus"] not in AT_WORK:
            continue
        with world.store.edit(KIND, left["TrainingJobName"]) as record:
            again = _may_begin_again(record)
            if again:
                record["_restarts"] = record.get("_restarts", 0) + 1
                transition(record, "Restarting", "Restarting the training job")
            else:
                _end(record)
        if again:
            workshop(world).begin(left["TrainingJobName"])


def _may_begin_again(record: Record) -> bool:
    attempts = record.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
    return bool(record["TrainingJobStatus"] == "InProgress" and record.get("_restarts", 0) < attempts)


def _end(record: Record) -> None:
    stopped = record["TrainingJobStatus"] == "Stopping"
    record["TrainingJobStatus"] = "Stopped" if stopped else "Failed"
    record["TrainingEndTime"] = time.time()
    if not stopped:
        record["FailureReason"] = INTERNAL
    transition(record, record["TrainingJobStatus"], f"Training job {'stopped' if stopped else 'failed'}")


@on_end
def close(world: World) -> None:
    if found := _WORKSHOPS.get(world):
        found.close()  # what still asks for it meanwhile must find this one, which begins nothing more
        del _WORKSHOPS[world]
