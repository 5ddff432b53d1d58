"""Tuning jobs: created, looked at, stopped and deleted as on AWS; each is run by a thread of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from housing.rehearsal.answers import refused
from housing.rehearsal.api import listing
from housing.rehearsal.api.operations import on_start, operation
from housing.rehearsal.kinds import AT_WORK
from housing.rehearsal.training.jobs import workshop
from housing.rehearsal.tuning import requests
from housing.rehearsal.tuning.requests import KIND
from housing.rehearsal.tuning.results import best, counters, summary, trials
from housing.rehearsal.tuning.run import Tuning

if TYPE_CHECKING:
    from housing.rehearsal.store import Record
    from housing.rehearsal.world import World

_NAME = "HyperParameterTuningJobName"
_STATUS = "HyperParameterTuningJobStatus"


@operation("CreateHyperParameterTuningJob")
def create(world: World, request: dict[str, Any]) -> dict[str, Any]:
    requests.check(world, request)
    made = world.store.create(KIND, request[_NAME], {**request, _STATUS: "InProgress", "_jobs": [], **counters([])})
    _begin(world, request[_NAME])
    return {"HyperParameterTuningJobArn": made["HyperParameterTuningJobArn"]}


@operation("DescribeHyperParameterTuningJob")
def describe(world: World, request: dict[str, Any]) -> dict[str, Any]:
    return _seen(world, listing.describe(world, KIND, request))


@operation("ListHyperParameterTuningJobs")
def list_jobs(world: World, request: dict[str, Any]) -> dict[str, Any]:
    records = [_seen(world, record) for record in world.store.list(KIND)]
    for record in records:
        record["Strategy"] = record["HyperParameterTuningJobConfig"]["Strategy"]
        record["ResourceLimits"] = record["HyperParameterTuningJobConfig"]["ResourceLimits"]
    return listing.summaries(world, KIND, request, member="HyperParameterTuningJobSummaries", records=records)


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_training_jobs(world: World, request: dict[str, Any]) -> dict[str, Any]:
    tuning = world.store.get(KIND, request[_NAME])
    found = [summary(tuning, trial) for trial in trials(world, tuning)]
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


@operation("StopHyperParameterTuningJob")
def stop(world: World, request: dict[str, Any]) -> dict[str, Any]:
    with world.store.edit(KIND, request[_NAME]) as record:
        if record[_STATUS] not in AT_WORK:
            raise refused(
                f"The request was rejected because the hyperparameter tuning job is in status {record[_STATUS]}."
            )
        record[_STATUS] = "Stopping"
    return {}


@operation("DeleteHyperParameterTuningJob")
def delete(world: World, request: dict[str, Any]) -> dict[str, Any]:
    status = world.store.get(KIND, request[_NAME])[_STATUS]
    if status in AT_WORK:
        raise refused(f"The hyperparameter tuning job {request[_NAME]} is in status {status}: it must end first.")
    world.store.remove(KIND, request[_NAME])
    return {}


@on_start
def take_up(world: World) -> None:
    """Go on with what a killed rehearsal has left; the training jobs that ran have failed by now, or run again."""
    for record in world.store.list(KIND):
        if record[_STATUS] in AT_WORK:
            _begin(world, record[_NAME])


def _begin(world: World, name: str) -> None:
    workshop(world).search(name, Tuning(world, name).go)


def _seen(world: World, record: Record) -> Record:
    """The record with what its training jobs came to by now."""
    known = trials(world, record)
    record |= counters(known)
    if winner := best(record, known):
        record["BestTrainingJob"] = summary(record, winner)
    end = record.get("HyperParameterTuningEndTime", time.time())
    record["ConsumedResources"] = {"RuntimeInSeconds": int(end - record["CreationTime"])}
    return record
