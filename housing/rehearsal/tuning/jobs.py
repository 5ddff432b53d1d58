"""The operations on tuning jobs: create, describe, list, stop and delete, as on AWS."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from housing.rehearsal.api import listing
from housing.rehearsal.kinds import UNFINISHED
from housing.rehearsal.responses import refused
from housing.rehearsal.training import filled_in
from housing.rehearsal.training.request_checks import metric_definitions
from housing.rehearsal.tuning import request_checks
from housing.rehearsal.tuning.execution import TuningExecution
from housing.rehearsal.tuning.request_checks import KIND, METRIC
from housing.rehearsal.tuning.results import best, counters, summary, trials

if TYPE_CHECKING:
    from housing.rehearsal.store import Record
    from housing.rehearsal.training.running_jobs import RunningJobs

_NAME = "HyperParameterTuningJobName"
_STATUS = "HyperParameterTuningJobStatus"
_MACHINES = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
_SWITCHES = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")


def create(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    request_checks.check(jobs.context, request)
    made = jobs.context.store.create(
        KIND, request[_NAME], {**request, _STATUS: "InProgress", "_jobs": [], **counters([])}
    )
    _begin(jobs, request[_NAME])
    return {"HyperParameterTuningJobArn": made["HyperParameterTuningJobArn"]}


def describe(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    return _filled_in(jobs, _with_progress(jobs, listing.describe(jobs.context, KIND, request)))


def list_jobs(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    records = [_with_progress(jobs, record) for record in jobs.context.store.list(KIND)]
    for record in records:
        record["Strategy"] = record["HyperParameterTuningJobConfig"]["Strategy"]
        record["ResourceLimits"] = record["HyperParameterTuningJobConfig"]["ResourceLimits"]
    return listing.summaries(jobs.context, KIND, request, member="HyperParameterTuningJobSummaries", records=records)


def list_training_jobs(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    tuning = jobs.context.store.get(KIND, request[_NAME])
    found = [summary(tuning, trial) for trial in trials(jobs.context, tuning)]
    if request.get("StatusEquals"):
        found = [one for one in found if one["TrainingJobStatus"] == request["StatusEquals"]]
    by = request.get("SortBy", "Name")
    if by == "FinalObjectiveMetricValue":  # jobs without one are left out, as on AWS
        found = [one for one in found if "FinalHyperParameterTuningJobObjectiveMetric" in one]
        found.sort(key=lambda one: one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
    else:
        found.sort(key=lambda one: one[{"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(by, by)])
    if request.get("SortOrder") == "Descending":
        found.reverse()
    entries, token = listing.page(found, request, default=10)
    return {"TrainingJobSummaries": entries, "NextToken": token}


def stop(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    with jobs.context.store.edit(KIND, request[_NAME]) as record:
        if record[_STATUS] not in UNFINISHED:
            raise refused(
                f"The request was rejected because the hyperparameter tuning job is in status {record[_STATUS]}."
            )
        record[_STATUS] = "Stopping"
    return {}


def delete(jobs: RunningJobs, request: dict[str, Any]) -> dict[str, Any]:
    status = jobs.context.store.get(KIND, request[_NAME])[_STATUS]
    if status in UNFINISHED:
        raise refused(f"The hyperparameter tuning job {request[_NAME]} is in status {status}: it must end first.")
    jobs.context.store.remove(KIND, request[_NAME])
    return {}


def resume(jobs: RunningJobs) -> None:
    """Continue the jobs that were running when the rehearsal ended; to be called after the training jobs' `resume`."""
    for record in jobs.context.store.list(KIND):
        if record[_STATUS] in UNFINISHED:
            _begin(jobs, record[_NAME])


def _begin(jobs: RunningJobs, name: str) -> None:
    jobs.start_tuning(name, TuningExecution(jobs, name).run)


def _with_progress(jobs: RunningJobs, record: Record) -> Record:
    """The record with its counters, best training job and consumed resources as of now."""
    known = trials(jobs.context, record)
    record |= counters(known)
    if winner := best(record, known):
        record["BestTrainingJob"] = summary(record, winner)
    end = record.get("HyperParameterTuningEndTime", time.time())
    record["ConsumedResources"] = {"RuntimeInSeconds": int(end - record["CreationTime"])}
    return record


def _filled_in(jobs: RunningJobs, record: Record) -> Record:
    """The record as AWS describes it: the SDK needs these members to attach to a tuning job."""
    config = {"TrainingJobEarlyStoppingType": "Off", **record["HyperParameterTuningJobConfig"]}
    config["ParameterRanges"] = {
        kind: ranges if kind.startswith("Categorical") else [{"ScalingType": "Auto", **each} for each in ranges]
        for kind, ranges in config["ParameterRanges"].items()
    }
    definition = filled_in.job(record["TrainingJobDefinition"])
    objective = config["HyperParameterTuningJobObjective"]
    definition["StaticHyperParameters"] = {
        METRIC: objective["MetricName"],
        **definition.get("StaticHyperParameters", {}),
    }
    definition["AlgorithmSpecification"] = {
        **definition["AlgorithmSpecification"],
        "MetricDefinitions": metric_definitions(definition, jobs.context.region),
    }
    for member in _SWITCHES:
        definition.setdefault(member, False)
    if machines := definition.get("HyperParameterTuningResourceConfig"):  # the SDK reads ResourceConfig
        definition.setdefault("ResourceConfig", {k: v for k, v in machines.items() if k in _MACHINES})
    return {**record, "HyperParameterTuningJobConfig": config, "TrainingJobDefinition": definition}


OPERATIONS = {
    "CreateHyperParameterTuningJob": create,
    "DescribeHyperParameterTuningJob": describe,
    "ListHyperParameterTuningJobs": list_jobs,
    "ListTrainingJobsForHyperParameterTuningJob": list_training_jobs,
    "StopHyperParameterTuningJob": stop,
    "DeleteHyperParameterTuningJob": delete,
}
