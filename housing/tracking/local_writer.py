"""Writes a record in an SQLite file to MLflow's tables, without MLflow: the same rows that MLflow would write."""

from __future__ import annotations

import logging
import math
import posixpath
import re
import sqlite3
import threading
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from housing.tracking.client_writer import ClientWriter
from housing.tracking.places import local_path
from housing.tracking.reader import RecordedExperiment
from housing.tracking.store import open_client
from housing.tracking.writer import CONTEXT, RUN_NAME, USER, DatasetUse, Point

if TYPE_CHECKING:
    from mlflow import MlflowClient

_log = logging.getLogger(__name__)

_BUSY_TIMEOUT_S, _TOLD_AFTER_S = 20, 2
_PRIMARY = 0xFF
"""The bits of SQLite's extended error codes that tell the kind."""
_KEY = re.compile(r"[/\w.\- :]{1,250}")
_LONGEST_PARAM = 6000
_LONGEST_TAG = 8000
_LONGEST_NAME = 250
_LONGEST_DATASET_NAME = 500
_LARGEST = 1.7976931348623157e308
"""What MLflow stores for infinity."""

_NOTHING: Mapping[str, str] = {}
_ADD_METRIC = "INSERT OR IGNORE INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?)"
_SET_LATEST = (
    "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (key, run_uuid) DO UPDATE SET "
    "value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan "
    "WHERE (excluded.step, excluded.timestamp, excluded.value) > "
    "(latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)"
)
_SET_TAG = (
    "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?) ON CONFLICT (key, run_uuid) DO UPDATE "
    "SET value = excluded.value"
)


class LocalWriter:
    """See `Writer`. Each call is one transaction; operations with further rules go through MLflow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        # Kept open: whenever the last connection closes, SQLite writes its log back into the file.
        self._database = sqlite3.connect(path, timeout=_TOLD_AFTER_S, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._database.close)
        (mode,) = self._database.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":  # NORMAL cannot corrupt the file then
            self._database.execute("PRAGMA synchronous = NORMAL")

    @cached_property
    def client(self) -> MlflowClient:
        return open_client(f"sqlite:///{self._path}")

    def experiment(self, name: str, artifacts: str | None) -> RecordedExperiment:
        if not 0 < len(name) <= _LONGEST_NAME or artifacts is None or len(artifacts) > _LONGEST_NAME:
            return self._by_mlflow().experiment(name, artifacts)
        with self._writing() as database:
            look = "SELECT experiment_id, lifecycle_stage FROM experiments WHERE name = ? AND workspace = 'default'"
            found = database.execute(look, (name,)).fetchone()
            if found is not None:
                return RecordedExperiment(str(found[0]), name, found[1] == "deleted")
            now_ms = _now_ms()
            made = database.execute(
                "INSERT INTO experiments (name, artifact_location, lifecycle_stage, creation_time, last_update_time, "
                "workspace) VALUES (?, ?, 'active', ?, ?, 'default')",
                (name, artifacts, now_ms, now_ms),
            )
            return RecordedExperiment(str(made.lastrowid), name, is_deleted=False)

    def experiment_of(self, run_id: str) -> RecordedExperiment:
        return self.experiment_by_id(str(self._run(run_id, "experiment_id")))

    def experiment_by_id(self, identity: str) -> RecordedExperiment:
        name, stage = self._experiment(identity, "name, lifecycle_stage")
        return RecordedExperiment(identity, name, stage == "deleted")

    def artifacts_of(self, identity: str) -> str:
        return str(self._experiment(identity, "artifact_location")[0])

    def tag_experiment(self, identity: str, key: str, value: str) -> None:
        with self._writing() as database:
            database.execute(
                "INSERT INTO experiment_tags (key, value, experiment_id) VALUES (?, ?, ?) "
                "ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value",
                (key, value, int(identity)),
            )

    def create_run(self, experiment: str, name: str, started_at_ms: int, tags: Mapping[str, str]) -> str:
        if not 0 < len(name) <= _LONGEST_NAME or RUN_NAME in tags:
            return self._by_mlflow().create_run(experiment, name, started_at_ms, tags)
        run_id = uuid.uuid4().hex
        location, stage = self._experiment(experiment, "artifact_location, lifecycle_stage")
        if stage != "active":
            raise sqlite3.IntegrityError(f"experiment {experiment} was deleted")
        with self._writing() as database:
            database.execute(
                "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
                "start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
                "VALUES (?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active', ?, ?)",
                (
                    run_id,
                    name,
                    tags.get(USER, "unknown"),
                    started_at_ms,
                    f"{location.rstrip('/')}/{run_id}/artifacts",
                    int(experiment),
                ),
            )
            rows = ((key, value, run_id) for key, value in {**tags, RUN_NAME: name}.items())
            database.executemany(_SET_TAG, rows)
        return run_id

    def log(
        self,
        run_id: str,
        *,
        metrics: Sequence[Point] = (),
        params: Mapping[str, str] = _NOTHING,
        tags: Mapping[str, str] = _NOTHING,
    ) -> None:
        if not (metrics or params or tags):
            return
        plain = _are_keys({point.key for point in metrics}) and _are_plain(params, _LONGEST_PARAM)
        if not (plain and _are_plain(tags, _LONGEST_TAG)) or RUN_NAME in tags:
            self._by_mlflow().log(run_id, metrics=metrics, params=params, tags=tags)
            return
        with self._writing(run_id) as database:
            _add_params(database, run_id, params)
            for row in (_metric_row(run_id, point) for point in metrics):
                if database.execute(_ADD_METRIC, row).rowcount:
                    database.execute(_SET_LATEST, row)
            database.executemany(_SET_TAG, ((key, value, run_id) for key, value in tags.items()))

    def log_inputs(self, run_id: str, uses: Sequence[DatasetUse]) -> None:
        if any(not 0 < len(use.name) <= _LONGEST_DATASET_NAME for use in uses):
            self._by_mlflow().log_inputs(run_id, uses)
            return
        first = {(use.name, use.digest): use for use in reversed(uses)}
        experiment = self._run(run_id, "experiment_id")
        with self._writing(run_id) as database:
            for use in reversed(first.values()):
                _add_input(database, run_id, _dataset(database, experiment, use), use.context)

    def rename(self, run_id: str, name: str) -> None:
        if not 0 < len(name) <= _LONGEST_NAME:
            self._by_mlflow().rename(run_id, name)
            return
        with self._writing(run_id) as database:
            database.execute("UPDATE runs SET name = ? WHERE run_uuid = ?", (name, run_id))
            database.execute(_SET_TAG, (RUN_NAME, name, run_id))

    def set_status(self, run_id: str, status: str, ended_at_ms: int | None = None) -> None:
        with self._writing(run_id) as database:
            database.execute(
                "UPDATE runs SET status = ?, end_time = coalesce(?, end_time) WHERE run_uuid = ?",
                (status, ended_at_ms, run_id),
            )

    def delete_tag(self, run_id: str, key: str) -> None:
        with self._writing(run_id) as database:
            if not database.execute("DELETE FROM tags WHERE key = ? AND run_uuid = ?", (key, run_id)).rowcount:
                raise sqlite3.IntegrityError(f"run {run_id} has no tag {key}")

    def log_files(self, run_id: str, files: Mapping[str, bytes]) -> None:
        folder = local_path(self._run(run_id, "artifact_uri"))
        if folder is None:
            self._by_mlflow().log_files(run_id, files)
            return
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def _by_mlflow(self) -> ClientWriter:
        return ClientWriter(self.client)

    def _experiment(self, identity: str, columns: str) -> Any:
        return self._one(f"SELECT {columns} FROM experiments WHERE experiment_id = ?", identity, "experiment")

    def _run(self, run_id: str, column: str) -> Any:
        return self._one(f"SELECT {column} FROM runs WHERE run_uuid = ?", run_id, "run")[0]

    def _one(self, statement: str, identity: str, what: str) -> Any:
        with self._lock:
            found = self._database.execute(statement, (identity,)).fetchone()
        if found is None:
            raise sqlite3.IntegrityError(f"no {what} {identity} is there")
        return found

    @contextmanager
    def _writing(self, run_id: str | None = None) -> Iterator[sqlite3.Connection]:
        """One transaction; with `run_id`, on a run that must not be deleted."""
        with self._lock:
            self._begin()
            try:
                if run_id is not None:
                    _check_active(self._database, run_id)
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def _begin(self) -> None:
        """Begin a transaction; a wait for another process that is longer than usual is told."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as e:
            if e.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                raise
            _log.warning("%s is locked by another process; waits up to %d s for it", self._path, _BUSY_TIMEOUT_S)
            self._database.execute(f"PRAGMA busy_timeout = {1000 * (_BUSY_TIMEOUT_S - _TOLD_AFTER_S)}")
            try:
                self._database.execute("BEGIN IMMEDIATE")
            finally:
                self._database.execute(f"PRAGMA busy_timeout = {1000 * _TOLD_AFTER_S}")


def _check_active(database: sqlite3.Connection, run_id: str) -> None:
    found = database.execute("SELECT lifecycle_stage FROM runs WHERE run_uuid = ?", (run_id,)).fetchone()
    if found is None or found[0] != "active":
        raise sqlite3.IntegrityError(f"run {run_id} {'is not there' if found is None else 'was deleted'}")


def _add_params(database: sqlite3.Connection, run_id: str, params: Mapping[str, str]) -> None:
    if not params:
        return
    known = dict(database.execute("SELECT key, value FROM params WHERE run_uuid = ?", (run_id,)))
    changed = [key for key, value in params.items() if known.get(key, value) != value]
    if changed:
        raise sqlite3.IntegrityError(f"run {run_id}: a parameter cannot change: {', '.join(changed)}")
    rows = ((key, value, run_id) for key, value in params.items() if key not in known)
    database.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", rows)


def _metric_row(run_id: str, point: Point) -> tuple[object, ...]:
    is_nan = math.isnan(point.value)
    value = 0.0 if is_nan else max(-_LARGEST, min(_LARGEST, float(point.value)))
    return point.key, value, point.timestamp, run_id, point.step, int(is_nan)


def _dataset(database: sqlite3.Connection, experiment: int, use: DatasetUse) -> str:
    """The id of the experiment's dataset of this name and digest, which is inserted if it is missing."""
    look = "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?"
    found = database.execute(look, (experiment, use.name, use.digest)).fetchone()
    if found is not None:
        return str(found[0])
    identity = uuid.uuid4().hex
    database.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, dataset_source, "
        "dataset_schema, dataset_profile) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (identity, experiment, use.name, use.digest, use.source_type, use.source, use.schema, use.profile),
    )
    return identity


def _add_input(database: sqlite3.Connection, run_id: str, dataset: str, context: str) -> None:
    identity = uuid.uuid4().hex
    made = database.execute(
        "INSERT OR IGNORE INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) "
        "VALUES (?, 'DATASET', ?, 'RUN', ?)",
        (identity, dataset, run_id),
    )
    if made.rowcount:
        row = (identity, CONTEXT, context)
        database.execute("INSERT INTO input_tags (input_uuid, name, value) VALUES (?, ?, ?)", row)


def _are_plain(values: Mapping[str, str], longest: int) -> bool:
    return _are_keys(values) and all(len(value) <= longest for value in values.values())


def _are_keys(keys: Iterable[str]) -> bool:
    return all(_KEY.fullmatch(key) and _is_own_path(key) for key in keys)


def _is_own_path(key: str) -> bool:
    # MLflow's own rule, as a name may become a file name.
    return posixpath.normpath(key) == key and key != "." and not key.startswith(("..", "/"))


def _now_ms() -> int:
    return int(time.time() * 1000)
