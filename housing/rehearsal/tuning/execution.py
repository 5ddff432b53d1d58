"""Runs one tuning job: decides what to train next, what to stop early, and when it is done."""

from __future__ import annotations

import logging
import statistics
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from housing.rehearsal.responses import ApiError
from housing.rehearsal.training import jobs as training_jobs
from housing.rehearsal.training.execution import INTERNAL
from housing.rehearsal.tuning import strategies
from housing.rehearsal.tuning.parameter_ranges import space
from housing.rehearsal.tuning.request_checks import KIND, training_request
from housing.rehearsal.tuning.results import Trial, counters, trials
from housing.rehearsal.tuning.strategies import Observation

if TYPE_CHECKING:
    from housing.rehearsal.store import Record
    from housing.rehearsal.training.running_jobs import RunningJobs

_POLL_S = 0.02
_MOST_FAILURES = 5  # jobs that may fail before one has succeeded
_ETA = 3  # Hyperband continues one in _ETA of the jobs that reach a rung
_BEFORE_MEDIAN = 3  # jobs and rounds that the median rule needs at least
_log = logging.getLogger(__name__)


class TuningExecution:
    """Runs in its own thread. Its whole state is in the records, so that a later process can continue it."""

    def __init__(self, jobs: RunningJobs, name: str) -> None:
        self._jobs = jobs
        self._context = context = jobs.context
        self._name = name
        self._record = context.store.get(KIND, name)
        self._config = self._record["HyperParameterTuningJobConfig"]
        self._space = space(self._config["ParameterRanges"])
        self._propose = strategies.by_name(self._config["Strategy"])
        self._minimise = self._config["HyperParameterTuningJobObjective"]["Type"] == "Minimize"
        self._metric = self._config["HyperParameterTuningJobObjective"]["MetricName"]
        self._seed = self._config.get("RandomSeed", zlib.crc32(name.encode()))
        self._parents = [
            trial
            for parent in self._record.get("WarmStartConfig", {}).get("ParentHyperParameterTuningJobs", [])
            for trial in trials(context, context.store.get(KIND, parent["HyperParameterTuningJobName"]))
            if trial.value is not None
        ]
        self._exhausted = False

    def run(self) -> None:
        """Run to the end, whatever happens; when the rehearsal ends first, the record is left as it is."""
        try:
            status, reason = self._search()
        except ApiError as error:
            status, reason = "Failed", f"{error.code}: {error.message}"
        except Exception:
            _log.exception("tuning job %s", self._name)
            status, reason = "Failed", INTERNAL
        if self._context.ending.is_set():
            return
        with self._context.store.edit(KIND, self._name) as record:
            record.update(counters(trials(self._context, record)))
            record["HyperParameterTuningJobStatus"] = status
            record["HyperParameterTuningEndTime"] = time.time()
            if reason:
                record["FailureReason"] = reason

    def _search(self) -> tuple[str, str | None]:
        """Search until done; returns the final status, and the reason of a failure."""
        while not self._context.ending.is_set():
            self._record = self._context.store.get(KIND, self._name)
            known = trials(self._context, self._record)
            running = [trial for trial in known if trial.running]
            succeeded = [trial for trial in known if trial.value is not None and not trial.running]
            failing = len(known) - len(running) >= _MOST_FAILURES and not succeeded
            over = failing or self._is_over(known)
            if over or self._is_stopping():
                for trial in running:
                    training_jobs.stop(self._jobs, trial.name)
            elif len(running) < self._config["ResourceLimits"]["MaxParallelTrainingJobs"] and self._has_more(known):
                self._start_job(known)
                continue
            if not running and (over or not self._has_more(known) or self._is_stopping()):
                if self._is_stopping():
                    return "Stopped", None
                return ("Completed", None) if succeeded else ("Failed", _no_success(len(known)))
            self._stop_early(running, known)
            self._context.ending.wait(_POLL_S)
        return "InProgress", None

    def _is_stopping(self) -> bool:
        return bool(self._record["HyperParameterTuningJobStatus"] == "Stopping")

    def _has_more(self, known: Sequence[Trial]) -> bool:
        limit = self._config["ResourceLimits"].get("MaxNumberOfTrainingJobs", self._space.count)
        return not self._exhausted and len(known) < limit

    def _is_over(self, known: Sequence[Trial]) -> bool:
        """Whether a completion criterion is met or the time is up."""
        limit = self._config["ResourceLimits"].get("MaxRuntimeInSeconds")
        if limit is not None and time.time() > self._record["CreationTime"] + limit:
            return True
        criteria = self._config.get("TuningJobCompletionCriteria", {})
        values = [self._cost(trial.value) for trial in known if trial.value is not None and not trial.running]
        if not values:
            return False
        target = criteria.get("TargetObjectiveMetricValue")
        if target is not None and min(values) <= self._cost(target):
            return True
        patience = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        return patience is not None and len(values) - 1 - values.index(min(values)) >= patience

    def _start_job(self, known: Sequence[Trial]) -> None:
        earlier = self._parents if self._config["Strategy"] == "Bayesian" else []
        seen = [
            Observation(point, None if trial.value is None or trial.running else self._cost(trial.value))
            for trial in (*earlier, *known)
            if (point := self._space.point(trial.tuned))
        ]
        point = self._propose(self._space, seen, self._seed)
        if point is None:
            self._exhausted = True
            return
        tuned = self._space.values(point)
        name = f"{self._name}-{len(known) + 1:03d}-{uuid.uuid4().hex[:8]}"
        with self._context.store.edit(KIND, self._name) as record:
            record["_jobs"] = [*record["_jobs"], {"name": name, "tuned": tuned}]
        request = training_request({**self._record, "Tags": _tags(self._record)}, name, tuned)
        training_jobs.create(self._jobs, request, TuningJobArn=self._record["HyperParameterTuningJobArn"])

    def _stop_early(self, running: Sequence[Trial], known: Sequence[Trial]) -> None:
        hyperband = self._config.get("StrategyConfig", {}).get("HyperbandStrategyConfig")
        auto = self._config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
        if not hyperband and not auto:
            return
        told: dict[str, int] = self._record.get("_told", {})
        # Values that a job logs after it was asked to stop are not compared with other jobs'.
        curves = {
            trial.name: [self._cost(value) for value in self._jobs.history(trial.name, self._metric)][
                : told.get(trial.name)
            ]
            for trial in known
        }
        for trial in running:
            if trial.name in told:
                continue
            others = [curve for name, curve in curves.items() if name != trial.name]
            if hyperband:
                behind = falls_behind(curves[trial.name], others, hyperband)
            else:
                behind = is_below_median(curves[trial.name], others)
            if behind:
                with self._context.store.edit(KIND, self._name) as record:
                    record["_told"] = {**record.get("_told", {}), trial.name: len(curves[trial.name])}
                training_jobs.stop(self._jobs, trial.name)

    def _cost(self, value: float) -> float:
        return value if self._minimise else -value


def is_below_median(curve: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
    """Whether the last of these costs is worse than the median of the others' running means up to the same round."""
    rounds = len(curve)
    means = [statistics.fmean(other[:rounds]) for other in others if len(other) >= rounds > 0]
    return min(rounds, len(means)) >= _BEFORE_MEDIAN and curve[-1] > statistics.median(means)


def falls_behind(curve: Sequence[float], others: Sequence[Sequence[float]], limits: Mapping[str, int]) -> bool:
    """Whether a job is not in the best third of those that reached the same rung: MinResource, three times that ..."""
    rung, most = limits.get("MinResource", 1), limits.get("MaxResource", len(curve))
    if len(curve) > most:
        return True
    while rung * _ETA <= len(curve):
        rung *= _ETA
    if len(curve) < rung:
        return False
    here = sorted(other[rung - 1] for other in [curve, *others] if len(other) >= rung)
    return len(here) >= _ETA and curve[rung - 1] > here[len(here) // _ETA - 1]


def _no_success(jobs: int) -> str:
    return (
        f"No training job succeeded after {jobs} attempts. For additional details, please take a look at the training "
        "job failures by listing training jobs for the hyperparameter tuning job."
    )


def _tags(record: Record) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in record.get("_tags", {}).items()]
