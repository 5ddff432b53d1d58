"""Records every job in MLflow: a run is FINISHED only when everything of it has been written."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Mapping, MutableMapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Self

from housing.processes import is_dead, process_tag
from housing.secrets import masked
from housing.tracking import entries, schema
from housing.tracking.entries import Input
from housing.tracking.experiments import artifact_location, deleted_experiment
from housing.tracking.places import local_path, probe_folder
from housing.tracking.provenance import provenance_tags
from housing.tracking.queries import RunQueries
from housing.tracking.reader import CONFIG_FILE, PARENT_TAG, Clause, Reader, RecordedExperiment, Run
from housing.tracking.run_record import RunRecord, Status
from housing.tracking.trial import ABANDONED
from housing.tracking.vendor import translated
from housing.tracking.writing import open_writer

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from housing.tracking.writer import Point, Writer

Round = tuple[int, Mapping[str, float], int]
"""The number of a round (from 0), its metrics, and when it was received (Unix milliseconds)."""

_FOR_PEOPLE = (".html", ".svg", ".vl.json")
"""Files for people, in which secrets are masked; files that programs read back are stored to the byte."""
_NONE: Mapping[str, str] = {}


class Runs(RunQueries):
    """The runs of one experiment, to read and to write. May be used from any thread; raises TrackingError."""

    _is_writable = False

    def __init__(self, reader: Reader, writer: Writer, experiment: RecordedExperiment) -> None:
        super().__init__(reader, experiment.id, experiment.name)
        self.writer = writer

    @classmethod
    def open(cls, uri: str, experiment: str, *, inside: str | None = None) -> Self:
        """The experiment of that name, created if it is missing; or the one that the run `inside` belongs to."""
        reader, writer = open_writer(uri)
        if inside is not None:
            with translated(f"run {inside}: not in {uri}"):
                return cls(reader, writer, writer.experiment_of(inside))
        with translated(f"{uri}: cannot open experiment {experiment!r}"):
            found = writer.experiment(experiment, artifact_location(uri, experiment))
        if found.is_deleted:
            raise deleted_experiment(uri, experiment, found.id)
        return cls(reader, writer, found)

    @property
    def client(self) -> MlflowClient:
        """MLflow's client for the same record, for all but runs; MLflow is imported on first use."""
        return self.writer.client

    def of_experiment(self, identity: str) -> Runs:
        """The runs of another experiment of the same record."""
        if identity == self.experiment_id:
            return self
        with translated(f"experiment {identity}: not in the record"):
            return Runs(self.reader, self.writer, self.writer.experiment_by_id(identity))

    def check_there(self) -> None:
        """Raises TrackingError when the record does not answer."""
        with translated(f"experiment {self.experiment!r}: the record cannot be read"):
            self.writer.experiment_by_id(self.experiment_id)

    def check_writable(self) -> None:
        """Test by writing to the record, and to its files if they are on this machine. Raises TrackingError."""
        if self._is_writable:
            return
        with translated(f"experiment {self.experiment!r}: the record cannot be written"):
            self.writer.tag_experiment(self.experiment_id, schema.USED_AT_MS, str(_now_ms()))
            if (folder := local_path(self.writer.artifacts_of(self.experiment_id))) is not None:
                folder.mkdir(parents=True, exist_ok=True)
                probe_folder(folder)
        self._is_writable = True

    def start(self, record: RunRecord) -> str:
        """Open a run, which `finish` or `record` ends; returns its id.

        If the record adopts a run, what `mlflow run` has logged is kept. See `inherited_run`.
        """
        if record.into is not None:
            self._adopt(record.into, record)
            return record.into
        run_id = self._create(record, _now_ms())
        self._describe(run_id, record.params)
        self._log_config(run_id, record.yaml)
        if record.inputs:
            self._log_inputs(run_id, record.inputs)
        return run_id

    def record(self, record: RunRecord) -> str:
        """Write an ended job completely, in as few calls as MLflow allows; returns its run id.

        If its run is open already, its parameters and configuration are kept, tags are added, and rounds that
        `log_rounds` has written are not written again.

        The status is written last: a process killed before that leaves a RUNNING run, which no query for finished
        runs returns, and which `close_abandoned` ends.
        """
        into = self.start(record) if record.adopts else record.into
        result = record.result
        if result is None:
            return self._record_failure(record, into)
        ended_at_ms = result.started_at_ms + round(result.seconds * 1000)
        known = {name: self._steps(into, name) for name in result.history} if into else {}
        points = entries.job_metrics(result, known=known) + entries.metrics(record.metrics, ended_at_ms)
        run_id = into or self._create(record, result.started_at_ms)
        self._describe(run_id, {} if into else record.params, points, tags=record.tags if into else {})
        config = {CONFIG_FILE: record.yaml.encode()} if record.yaml is not None else {}
        self.log_files(run_id, {**record.files, **config})
        with translated(f"run {record.name!r}: cannot be written"):
            if record.inputs:
                self._log_inputs(run_id, record.inputs)
            self.writer.set_status(run_id, record.status, ended_at_ms)
        return run_id

    def _record_failure(self, record: RunRecord, into: str | None) -> str:
        reason = {schema.REASON: record.reason or "unknown"}
        run_id = into or self.start(record.tagged(reason))
        self.finish(run_id, "FAILED", tags={**record.tags, **reason} if into else None)
        return run_id

    def _adopt(self, run_id: str, record: RunRecord) -> None:
        known = self.get(run_id).params
        own_tags = {key: value for key, value in _tags(record).items() if not key.startswith("mlflow.source.")}
        with translated(f"run {run_id}: cannot be written"):
            self.writer.log(run_id, tags=entries.bounded_tags(own_tags))
            self.writer.rename(run_id, masked(record.name))
        self._describe(run_id, {k: v for k, v in entries.flatten(record.params).items() if k not in known})
        self._log_config(run_id, record.yaml)

    def log_rounds(self, run_id: str, rounds: Sequence[Round]) -> None:
        """Add rounds of a running job, each completely or not at all, in as few calls as MLflow allows."""
        points = [entries.round_metrics(number, values, at_ms) for number, values, at_ms in rounds]
        per_call = max(1, entries.METRICS_A_BATCH // max(map(len, points), default=1))
        with translated(f"run {run_id}: cannot be written"):
            for some in entries.batches(points, per_call):
                self.writer.log(run_id, metrics=[point for one in some for point in one])

    def annotate(
        self, run_id: str, *, metrics: Mapping[str, float] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        """Add metrics and tags to a run with any status."""
        points = entries.metrics(metrics or {}, _now_ms())
        first, rest = points[: entries.METRICS_A_BATCH], points[entries.METRICS_A_BATCH :]
        with translated(f"run {run_id}: cannot be written"):
            self.writer.log(run_id, metrics=first, tags=entries.bounded_tags(tags or {}))
            for some in entries.batches(rest, entries.METRICS_A_BATCH):
                self.writer.log(run_id, metrics=some)

    def finish(
        self,
        run_id: str,
        status: Status = "FINISHED",
        *,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        """End a run that `start` has opened. Parameters that it already has keep their values."""
        if params:
            known = self.get(run_id).params
            self._describe(run_id, {k: v for k, v in entries.flatten(params).items() if k not in known})
        if metrics or tags:
            self.annotate(run_id, metrics=metrics, tags=tags)
        with translated(f"run {run_id}: cannot be ended"):
            self.writer.set_status(run_id, status, _now_ms())

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Write files below a run's artifacts, by relative path."""
        if not files:
            return
        shown = {
            name: masked(content.decode()).encode() if name.endswith(_FOR_PEOPLE) else content
            for name, content in files.items()
        }
        with translated(f"run {run_id}: cannot store its files"):
            self.writer.log_files(run_id, shown)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags of a run with any status."""
        with translated(f"run {run_id}: cannot be written"):
            self.writer.log(run_id, tags=entries.bounded_tags(tags))

    def read_file(self, run_id: str, name: str) -> bytes:
        """One artifact of a run, whole."""
        return self.reader.file(run_id, name)

    def close_abandoned(self) -> list[str]:
        """End as KILLED the runs whose process, and with it their job, has died on this machine; returns their ids."""
        abandoned = [run for run in self._orphans() if schema.JOB not in run.tags]
        for run in abandoned:
            self.abandon(run.id)
        return [run.id for run in abandoned]

    def left_running(self) -> list[Run]:
        """Runs whose process has died on this machine, but whose job continues, or has ended, elsewhere."""
        return [run for run in self._orphans() if schema.JOB in run.tags]

    def _orphans(self) -> list[Run]:
        at_work = (
            Clause("attribute", "status", "=", "RUNNING"),
            Clause("tag", schema.PROCESS, "LIKE", "%"),
        )
        return [run for run in self._search(at_work) if is_dead(run.tags[schema.PROCESS])]

    def abandon(self, run_id: str) -> None:
        """End as KILLED a run that cannot be completed, as what it lacks can no longer be found."""
        tags = {schema.STATE: ABANDONED, schema.REASON: "its process died before the run was complete"}
        self.finish(run_id, "KILLED", tags=tags)

    def reopen(self, run_id: str, *, tags: Mapping[str, str] | None = None, yaml: str | None = None) -> None:
        """Make an ended run, or one whose process has died, RUNNING again and owned by this process."""
        own = {schema.PROCESS: process_tag()} | (_config_digest(yaml) if yaml is not None else {}) | dict(tags or {})
        with translated(f"run {run_id}: cannot be opened again"):
            self.writer.log(run_id, tags=entries.bounded_tags(own))
            self.writer.set_status(run_id, "RUNNING")
            known = self.get(run_id).tags
            for tag in (
                schema.REASON,
                schema.FAILURES,
                *((schema.STATE,) if known.get(schema.STATE) == ABANDONED else ()),
            ):
                if tag in known:
                    self.writer.delete_tag(run_id, tag)
        self._log_config(run_id, yaml)

    def _create(self, record: RunRecord, started_at_ms: int) -> str:
        tags = entries.bounded_tags(_tags(record))
        with translated(f"run {record.name!r}: cannot be written"):
            return self.writer.create_run(self.experiment_id, masked(record.name), started_at_ms, tags)

    def _describe(
        self, run_id: str, params: Mapping[str, Any], metrics: Sequence[Point] = (), *, tags: Mapping[str, str] = _NONE
    ) -> None:
        """Write parameters, metrics and tags, in one call if they fit."""
        shown = entries.params(entries.flatten(params))
        param_batches = entries.batches([*shown.items()], entries.PARAMS_A_BATCH)
        metric_batches = entries.batches(metrics, entries.METRICS_A_BATCH - entries.PARAMS_A_BATCH)
        with translated(f"run {run_id}: cannot be written"):
            for some_params, some_metrics in zip_longest(param_batches, metric_batches):
                self.writer.log(run_id, metrics=some_metrics or (), params=dict(some_params or ()))
            if tags:
                self.writer.log(run_id, tags=entries.bounded_tags(tags))

    def _log_inputs(self, run_id: str, inputs: Sequence[Input]) -> None:
        self.writer.log_inputs(run_id, entries.dataset_uses(inputs))

    def _log_config(self, run_id: str, yaml: str | None) -> None:
        if yaml is not None:
            self.log_files(run_id, {CONFIG_FILE: yaml.encode()})


def _tags(record: RunRecord) -> dict[str, str]:
    own = {schema.KIND: record.kind, schema.PROCESS: process_tag()}
    if record.yaml is not None:
        own |= _config_digest(record.yaml)
    return provenance_tags() | own | ({PARENT_TAG: record.parent} if record.parent else {}) | dict(record.tags)


def inherited_run(environment: MutableMapping[str, str] = os.environ) -> str | None:
    """The run that `mlflow run` opened for this process, removed from the environment.

    Left there, it would override parents: MLflow gives MLFLOW_RUN_ID precedence over a given parent (mlflow#15713).
    """
    environment.pop("MLFLOW_EXPERIMENT_ID", None)
    return environment.pop("MLFLOW_RUN_ID", None)


def _config_digest(yaml: str) -> dict[str, str]:
    return {schema.CONFIG_SHA256: hashlib.sha256(yaml.encode()).hexdigest()}


def _now_ms() -> int:
    return int(time.time() * 1000)
