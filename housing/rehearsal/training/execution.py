"""Runs one training job, from starting its machines to uploading its archive to S3."""

from __future__ import annotations

import logging
import math
import shutil
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.rehearsal.aws import objects
from housing.rehearsal.training.cluster import Cluster
from housing.rehearsal.training.inputs import Failed
from housing.rehearsal.training.transitions import OUT_OF_PATIENCE, OUT_OF_TIME, STOPPED, Ended, transition

if TYPE_CHECKING:
    from housing.rehearsal.context import Context
    from housing.rehearsal.training.engine import Engine

INTERNAL = "InternalServerError: We encountered an internal error. Please try again."
_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
KIND = "training-job"
_FAILS_ON_PURPOSE = "the rehearsal was asked to let this job fail"
_GRACE_S = 120  # from SIGTERM to SIGKILL, as on AWS
_RECLAIMED_S = 0.5  # the least time that a spot job is without a machine: long enough to be observed
_POLL_S = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Outcome:
    status: str
    secondary: str
    message: str
    reason: str | None = None


class Execution:
    """Runs in its own thread; `stop` may be called from any."""

    def __init__(self, context: Context, engine: Engine, name: str) -> None:
        self._context = context
        self._engine = engine
        self._name = name
        self._stopping = threading.Event()
        self._folder = context.folder / "jobs" / name
        self._record = context.store.get(KIND, name)
        self._began: float | None = None
        self._waited = 0.0
        self._cluster: Cluster | None = None

    def stop(self) -> None:
        self._stopping.set()

    def history(self, metric: str) -> list[float]:
        """The values of a metric, from the containers that are running or ran last."""
        return self._cluster.history(metric) if self._cluster else []

    def run(self) -> None:
        """Run to the end, whatever happens; when the rehearsal ends first, the record is left as it is."""
        try:
            try:
                self._train()
                outcome = _Outcome("Completed", "Completed", "Training job completed")
            except Failed as error:
                outcome = _Outcome("Failed", "Failed", "Training job failed", str(error)[:1024])
            except Ended as error:
                outcome = _Outcome("Stopped", error.status, error.message)
        except Exception:
            if not self._context.ending.is_set():
                _log.exception("training job %s", self._name)
            outcome = _Outcome("Failed", "Failed", "Training job failed", INTERNAL)
        if not self._context.ending.is_set():
            self._finish(outcome)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _train(self) -> None:
        settings = self._context.settings
        self._prepare(settings.start_s)
        if self._context.faults.lacks_capacity("sagemaker:CreateTrainingJob"):
            raise Failed(_CAPACITY)
        spot = self._record["EnableManagedSpotTraining"]
        interruptions = sorted(settings.interrupt_at_rounds) if spot else []
        fails = (
            "this job fails because the rehearsal's setting fail_jobs asks for it"
            if self._context.faults.fails_job()
            else None
        )
        while True:
            self._set_status("Downloading", "Downloading input data")
            self._began = time.time()
            self._update(TrainingStartTime=self._record.get("TrainingStartTime", self._began))
            cluster = self._cluster = Cluster(self._context, self._engine, self._record, self._folder)
            self._set_status("Training", "Training image download completed. Training in progress.")
            lost = self._run_containers(cluster, interruptions[0] if interruptions else None, fails)
            if not lost:
                break
            interruptions.pop(0)
            self._count_seconds()
            self._set_status("Interrupted", "Training job interrupted")
            shutil.rmtree(self._folder, ignore_errors=True)
            self._wait(_RECLAIMED_S)
            self._set_status("Starting", "Starting the training job")
            self._prepare(settings.start_s)
        self._upload(cluster, if_empty=True)

    def _prepare(self, seconds: float) -> None:
        self._set_status("Pending", "Preparing the instances for training")
        self._wait(seconds)

    def _wait(self, seconds: float) -> None:
        """Wait for `seconds` of AWS's time. Raises Ended if the job is stopped or exceeds MaxWaitTimeInSeconds."""
        left = self._patience()
        self._waited += min(seconds, left)
        if self._context.clock.wait(self._stopping, max(0.0, min(seconds, left))):
            raise Ended(*STOPPED)
        if seconds > left:
            raise Ended(*OUT_OF_PATIENCE)

    def _patience(self) -> float:
        """Seconds of AWS's time that are left of MaxWaitTimeInSeconds."""
        patience = float(self._record["StoppingCondition"].get("MaxWaitTimeInSeconds", math.inf))
        return patience - self._waited - self._seconds()

    def _run_containers(self, cluster: Cluster, interrupt_at: int | None, fails: str | None) -> bool:
        """Run the containers to their end; True when spot machines were taken back. Raises Failed, Ended."""
        left_s = min(self._record["StoppingCondition"]["MaxRuntimeInSeconds"] - self._seconds(), self._patience())
        last = self._last_round(left_s)
        stops_at = min((number for number in (interrupt_at, last) if number is not None), default=None)
        cluster.start(round_s=self._context.clock.here(self._paced_s()), pause_at=stops_at, fails=fails)
        deadline = time.time() + left_s
        # Only a script's metrics show that it has finished a round.
        rounds = interrupt_at if interrupt_at is not None and _is_script(self._record) else math.inf
        end: tuple[str, str] | None = None
        try:
            while not cluster.ended:
                cluster.read(_POLL_S)
                out_of_time = cluster.paused_at is not None and cluster.paused_at == last
                if (cluster.paused_at is not None and not out_of_time) or cluster.rounds > rounds:
                    cluster.reclaim(_POLL_S)
                    self._publish(cluster)
                    return True
                if cluster.due():
                    self._publish(cluster)
                if end is None and (end := self._end_reason(deadline, out_of_time=out_of_time)):
                    deadline = time.time() + _GRACE_S
                    cluster.signal(signal.SIGTERM)
                elif end and time.time() > deadline:
                    cluster.signal(signal.SIGKILL)
        finally:
            cluster.close()
        self._publish(cluster)
        if end:
            self._upload(cluster, if_empty=False)
            raise Ended(*end)
        if cluster.exit_code:
            raise Failed(self._failure(cluster))
        return False

    def _last_round(self, left_s: float) -> int | None:
        """The last round, from 0, that ends within `left_s` seconds at the configured pace; None when all do."""
        each_s, wanted = self._paced_s(), self._record.get("HyperParameters", {}).get("num_round", "")
        if not each_s or not wanted.isdecimal() or int(wanted) * each_s <= left_s:
            return None
        return max(0, int(left_s // each_s) - 1)

    def _paced_s(self) -> float:
        """The least time of a round by the settings; 0 for scripts, which cannot be paced."""
        return 0.0 if _is_script(self._record) else self._context.settings.seconds_per_round

    def _end_reason(self, deadline: float, *, out_of_time: bool) -> tuple[str, str] | None:
        """Why the job must end now; None while it may go on."""
        if self._stopping.is_set():
            return STOPPED
        if not out_of_time and time.time() <= deadline:
            return None
        most = self._record["StoppingCondition"]["MaxRuntimeInSeconds"] - self._seconds()
        return OUT_OF_TIME if most <= self._patience() else OUT_OF_PATIENCE

    def _publish(self, cluster: Cluster) -> None:
        if metrics := cluster.send():
            self._update(FinalMetricDataList=metrics)

    def _failure(self, cluster: Cluster) -> str:
        code = cluster.exit_code
        if code == -signal.SIGKILL:
            code = 128 + signal.SIGKILL
        told = cluster.failure()[: 1024 - len("AlgorithmError: , exit code: 000")]
        return f"AlgorithmError: {told}, exit code: {code}"

    def _upload(self, cluster: Cluster, *, if_empty: bool) -> None:
        """Upload the archives of the model folder and of the folder for other output."""
        if self._context.ending.is_set():
            return
        from botocore.exceptions import ClientError

        address = f"{self._record['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._name}/output"
        try:
            if model := cluster.packed("model") or (cluster.empty_model() if if_empty else None):
                self._set_status("Uploading", "Uploading generated training model")
                objects.push(self._context, model, f"{address}/model.tar.gz")
                self._update(ModelArtifacts={"S3ModelArtifacts": f"{address}/model.tar.gz"})
            if output := cluster.packed("output"):
                objects.push(self._context, output, f"{address}/output.tar.gz")
        except ClientError as error:
            raise Failed(f"ClientError: Artifact upload failed:{error}") from error

    def _finish(self, outcome: _Outcome) -> None:
        self._count_seconds()
        spot = self._record["EnableManagedSpotTraining"]
        with self._context.store.edit(KIND, self._name) as record:
            record["TrainingJobStatus"] = outcome.status
            if outcome.reason:
                record["FailureReason"] = outcome.reason
            record["TrainingEndTime"] = time.time()
            if record.get("_seconds"):
                seconds = max(1, math.ceil(record["_seconds"]))
                paid = math.ceil(record["_seconds"] * (1 - self._context.settings.spot_discount)) if spot else seconds
                record["TrainingTimeInSeconds"] = seconds
                record["BillableTimeInSeconds"] = max(1, paid)
            transition(record, outcome.secondary, outcome.message)

    def _seconds(self) -> float:
        return float(self._record.get("_seconds", 0.0))

    def _count_seconds(self) -> None:
        if self._began is not None:
            rounds = self._cluster.rounds if self._cluster else 0
            took = max(time.time() - self._began, rounds * self._paced_s())
            self._update(_seconds=self._seconds() + took)
            self._began = None

    def _set_status(self, status: str, message: str) -> None:
        with self._context.store.edit(KIND, self._name) as record:
            transition(record, status, message)

    def _update(self, **members: Any) -> None:
        self._record |= self._context.store.update(KIND, self._name, **members)


def _is_script(request: Mapping[str, Any]) -> bool:
    return bool(
        request["AlgorithmSpecification"].get("ContainerEntrypoint")
        or "sagemaker_program" in request.get("HyperParameters", {})
        or "SAGEMAKER_PROGRAM" in request.get("Environment", {})
    )
