"""The results of a tuning job's training jobs, read from their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.rehearsal.kinds import UNFINISHED
from housing.rehearsal.training.execution import KIND as TRAINING_JOB

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.store import Record

_RETRYABLE = ("InternalServerError", "CapacityError")


@dataclass(frozen=True)
class Trial:
    """One training job: the values it tries, its record, and its last objective value, if it has logged one."""

    name: str
    tuned: Mapping[str, str]
    record: Record
    value: float | None

    @property
    def status(self) -> str:
        return str(self.record["TrainingJobStatus"])

    @property
    def running(self) -> bool:
        return self.status in UNFINISHED


def trials(context: Context, tuning: Record) -> list[Trial]:
    """The trials of a tuning job, in the order in which they started, without deleted ones."""
    metric = _objective(tuning)["MetricName"]
    found = []
    for job in tuning["_jobs"]:
        if context.store.has(TRAINING_JOB, job["name"]):
            record = context.store.get(TRAINING_JOB, job["name"])
            values = [told["Value"] for told in record.get("FinalMetricDataList", []) if told["MetricName"] == metric]
            found.append(Trial(job["name"], job["tuned"], record, values[0] if values else None))
    return found


def counters(known: Sequence[Trial]) -> dict[str, Any]:
    """TrainingJobStatusCounters and ObjectiveStatusCounters."""
    status = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
    objective = dict.fromkeys(("Succeeded", "Pending", "Failed"), 0)
    for trial in known:
        status[_counter(trial)] += 1
        objective[_objective_status(trial)] += 1
    return {"TrainingJobStatusCounters": status, "ObjectiveStatusCounters": objective}


def best(tuning: Record, known: Sequence[Trial]) -> Trial | None:
    """The best of the completed trials, or else of those that were stopped."""
    choose = min if _objective(tuning)["Type"] == "Minimize" else max
    for status in ("Completed", "Stopped"):
        if done := [trial for trial in known if trial.status == status and trial.value is not None]:
            return choose(done, key=lambda trial: trial.value or 0.0)
    return None


def summary(tuning: Record, trial: Trial) -> dict[str, Any]:
    """A HyperParameterTrainingJobSummary."""
    record = trial.record
    copied = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingStartTime", "TrainingEndTime")
    told = {member: record[member] for member in (*copied, "TrainingJobStatus", "FailureReason") if member in record}
    told |= {"TunedHyperParameters": dict(trial.tuned), "ObjectiveStatus": _objective_status(trial)}
    if trial.value is not None and not trial.running:
        told["FinalHyperParameterTuningJobObjectiveMetric"] = {**_objective(tuning), "Value": trial.value}
    return told


def _objective(tuning: Record) -> dict[str, str]:
    objective = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return {"Type": objective["Type"], "MetricName": objective["MetricName"]}


def _counter(trial: Trial) -> str:
    if trial.running:
        return "InProgress"
    if trial.status == "Failed":
        reason = trial.record.get("FailureReason", "")
        return "RetryableError" if reason.startswith(_RETRYABLE) else "NonRetryableError"
    return trial.status


def _objective_status(trial: Trial) -> str:
    if trial.running:
        return "Pending"
    return "Failed" if trial.value is None or trial.status == "Failed" else "Succeeded"
