"""The operations on training jobs: create, describe, list, stop and delete, as on AWS."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.kinds import KINDS, UNFINISHED
from housing.rehearsal.responses import ApiError, refused, unsupported
from housing.rehearsal.training import filled_in, request_checks
from housing.rehearsal.training.execution import INTERNAL, KIND
from housing.rehearsal.training.transitions import transition

if TYPE_CHECKING:
    from housing.rehearsal.store import Record
    from housing.rehearsal.training.running_jobs import RunningJobs


def create(jobs: RunningJobs, request: dict[str, Any], **more: Any) -> str:
    """Create the job and start it; returns its ARN. `more` are members that only AWS sets. Raises ApiError."""
    if jobs.context.store.has(KIND, request["TrainingJobName"]):
        raise KINDS[KIND].exists(jobs.context.arn(KIND, request["TrainingJobName"]))
    request_checks.check(jobs.context, request)
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
    made = jobs.context.store.create(KIND, request["TrainingJobName"], record)
    jobs.start(request["TrainingJobName"])
    return str(made["TrainingJobArn"])


def stop(jobs: RunningJobs, name: str) -> None:
    """Ask a job to stop; does nothing where it has ended."""
    with jobs.context.store.edit(KIND, name) as record:
        if record["TrainingJobStatus"] != "InProgress":
            return
        record["TrainingJobStatus"] = "Stopping"
        transition(record, "Stopping", "Stopping the training job")
    jobs.stop(name)


def create_training_job(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    return {"TrainingJobArn": create(jobs, request)}


def describe_training_job(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    record = filled_in.job(listing.describe(jobs.context, KIND, request))
    definitions = request_checks.metric_definitions(record, jobs.context.region)
    record["AlgorithmSpecification"] |= {
        "MetricDefinitions": definitions,
        "EnableSageMakerMetricsTimeSeries": bool(definitions),
    }
    return record


def list_training_jobs(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("WarmPoolStatusEquals") or request.get("TrainingPlanArnEquals"):
        raise unsupported("Warm pools and training plans are not supported by the rehearsal.")
    return listing.summaries(jobs.context, KIND, request, member="TrainingJobSummaries")


def stop_training_job(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    status = jobs.context.store.get(KIND, name)["TrainingJobStatus"]
    if status not in UNFINISHED:
        raise refused(f"The request was rejected because the training job is in status {status}.")
    stop(jobs, name)
    return {}


def delete_training_job(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrainingJobName"]
    status = jobs.context.store.get(KIND, name)["TrainingJobStatus"]
    if status in UNFINISHED:
        raise ApiError("ResourceInUse", f"Training job {name} is in status {status}: it must end first.")
    jobs.context.store.remove(KIND, name)
    return {}


def resume(jobs: RunningJobs) -> None:
    """Fail the jobs that were running when the rehearsal ended, or restart those whose RetryStrategy allows it.

    What such a job had trained is lost and is not billed.
    """
    jobs.warm_up()
    for left in jobs.context.store.list(KIND):
        if left["TrainingJobStatus"] not in UNFINISHED:
            continue
        with jobs.context.store.edit(KIND, left["TrainingJobName"]) as record:
            again = _may_begin_again(record)
            if again:
                record["_restarts"] = record.get("_restarts", 0) + 1
                transition(record, "Restarting", "Restarting the training job")
            else:
                _end(record)
        if again:
            jobs.start(left["TrainingJobName"])


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


OPERATIONS = {
    "CreateTrainingJob": create_training_job,
    "DescribeTrainingJob": describe_training_job,
    "ListTrainingJobs": list_training_jobs,
    "StopTrainingJob": stop_training_job,
    "DeleteTrainingJob": delete_training_job,
}
