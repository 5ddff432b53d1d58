"""Reads a record in an SQLite file from MLflow's tables, without MLflow."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from housing.errors import HousingError, RegistryError, TrackingError
from housing.tracking.places import local_path
from housing.tracking.reader import (
    PAGE,
    Clause,
    Field,
    MetricPoint,
    Order,
    RecordedExperiment,
    Run,
    Version,
)

if TYPE_CHECKING:
    from housing.tracking.client_reader import ClientReader

KNOWN_REVISIONS: Final = ("dc11669786a5",)
"""Schema revisions of MLflow that differ in nothing that is read here."""

_BUSY_TIMEOUT_S = 20
_RUN = "run_uuid, name, status, experiment_id, artifact_uri, start_time, end_time, lifecycle_stage"
_COLUMNS = {"run_name": "name", "run_id": "run_uuid", "status": "status", "start_time": "start_time"}
_TABLES: dict[Field, str] = {"metric": "latest_metrics", "param": "params", "tag": "tags"}


class LocalReader:
    """See `Reader`. Opens the file for each query, read-only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def can_read(cls, path: Path) -> bool:
        """Whether the file exists and its revision is known; if not, MLflow says why."""
        try:
            with closing(_opened(path)) as database:
                revision = database.execute("SELECT version_num FROM alembic_version").fetchone()
                others = database.execute("SELECT 1 FROM experiments WHERE workspace != 'default' LIMIT 1").fetchone()
        except sqlite3.Error:
            return False
        return revision is not None and revision[0] in KNOWN_REVISIONS and others is None

    @property
    def uri(self) -> str:
        return f"sqlite:///{self._path}"

    def experiments(self) -> list[RecordedExperiment]:
        found = self._rows(
            f"{self.uri}: cannot read its experiments",
            "SELECT experiment_id, name, lifecycle_stage FROM experiments ORDER BY creation_time DESC, experiment_id",
        )
        return [RecordedExperiment(str(identity), name, stage == "deleted") for identity, name, stage in found]

    def run(self, run_id: str) -> Run:
        doing = f"run {run_id}: not in the record"
        with self._reading(doing) as database:
            found = _runs(database, database.execute(f"SELECT {_RUN} FROM runs WHERE run_uuid = ?", (run_id,)))
        if not found:
            raise TrackingError(doing)
        return found[0]

    def search(
        self, experiment: RecordedExperiment, clauses: Sequence[Clause], *order: Order, page: int = PAGE
    ) -> Iterator[Run]:
        joins, keys = _joins(order)
        wanted, values = _conditions(clauses)
        ordered = ", ".join([*(_ordered(i, each) for i, each in enumerate(order)), *_at_last(order)])
        columns = ", ".join(f"r.{column}" for column in _RUN.split(", "))
        statement = (
            f"SELECT {columns} FROM runs r {joins} WHERE r.experiment_id = ? AND r.lifecycle_stage = 'active' "
            f"{wanted} ORDER BY {ordered} LIMIT ? OFFSET ?"
        )
        offset = 0
        while True:
            with self._reading(f"experiment {experiment.name!r}: cannot search its runs") as database:
                given = (*keys, int(experiment.id), *values, page, offset)
                found = _runs(database, database.execute(statement, given))
            yield from found
            offset += page
            if len(found) < page:
                return

    def filtered(self, experiment: RecordedExperiment, text: str) -> Iterator[Run]:
        return self._by_mlflow().filtered(experiment, text)

    def points(self, run_id: str, metric: str) -> list[MetricPoint]:
        found = self._rows(
            f"run {run_id}: cannot read {metric}",
            "SELECT value, is_nan, step, timestamp FROM metrics WHERE run_uuid = ? AND key = ?",
            run_id,
            metric,
        )
        return [MetricPoint(_number(value, is_nan), step, at) for value, is_nan, step, at in found]

    def file(self, run_id: str, name: str) -> bytes:
        folder = local_path(self.run(run_id).artifact_uri)
        if folder is None:
            return self._by_mlflow().file(run_id, name)
        try:
            return (folder / name).read_bytes()
        except OSError as e:
            raise TrackingError(f"run {run_id}: has no file {name!r}: {e.strerror or e}") from e

    def models(self) -> list[str]:
        doing = "cannot list the registered models"
        statement = "SELECT name FROM registered_models ORDER BY name"
        return [name for (name,) in self._rows(doing, statement, error=RegistryError)]

    def versions(self, model: str) -> list[Version]:
        def rows(statement: str) -> list[Any]:
            return self._rows(f"model {model!r}: cannot list its versions", statement, model, error=RegistryError)

        aliases: dict[int, list[str]] = {}
        for alias, number in rows("SELECT alias, version FROM registered_model_aliases WHERE name = ? ORDER BY alias"):
            aliases.setdefault(number, []).append(alias)
        tags: dict[int, dict[str, str]] = {}
        for number, key, value in rows("SELECT version, key, value FROM model_version_tags WHERE name = ?"):
            tags.setdefault(number, {})[key] = value
        found = rows(
            "SELECT version, run_id, source FROM model_versions "
            "WHERE name = ? AND current_stage != 'Deleted_Internal' ORDER BY version DESC"
        )
        return [
            Version(model, number, run_id or "", tuple(aliases.get(number, ())), tags.get(number, {}), source)
            for number, run_id, source in found
        ]

    def _by_mlflow(self) -> ClientReader:
        from housing.tracking.client_reader import ClientReader
        from housing.tracking.store import open_client

        return ClientReader(open_client(self.uri))

    def _rows(
        self, doing: str, statement: str, *values: object, error: type[HousingError] = TrackingError
    ) -> list[Any]:
        with self._reading(doing, error) as database:
            return database.execute(statement, values).fetchall()

    @contextmanager
    def _reading(self, doing: str, error: type[HousingError] = TrackingError) -> Iterator[sqlite3.Connection]:
        try:
            with closing(_opened(self._path)) as database:
                yield database
        except sqlite3.Error as e:
            raise error(f"{doing}: {e}") from e


def _opened(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)
    database.execute("PRAGMA case_sensitive_like = true")  # as MLflow searches
    return database


def _runs(database: sqlite3.Connection, rows: sqlite3.Cursor) -> list[Run]:
    found = rows.fetchall()
    ids = [row[0] for row in found]
    params, tags = (_texts(database, table, ids) for table in ("params", "tags"))
    metrics: dict[str, dict[str, float]] = {}
    for run_id, key, value, is_nan in _of_runs(database, "key, value, is_nan", "latest_metrics", ids):
        metrics.setdefault(run_id, {})[key] = _number(value, is_nan)
    return [
        Run(
            id=run_id,
            name=name or tags.get(run_id, {}).get("mlflow.runName", ""),
            status=status,
            experiment_id=str(experiment_id),
            artifact_uri=artifact_uri,
            started_at_ms=started_at_ms,
            ended_at_ms=ended_at_ms,
            metrics=metrics.get(run_id, {}),
            params=params.get(run_id, {}),
            tags=tags.get(run_id, {}),
            is_deleted=stage == "deleted",
        )
        for run_id, name, status, experiment_id, artifact_uri, started_at_ms, ended_at_ms, stage in found
    ]


def _texts(database: sqlite3.Connection, table: str, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for run_id, key, value in _of_runs(database, "key, value", table, ids):
        found.setdefault(run_id, {})[key] = value
    return found


def _of_runs(database: sqlite3.Connection, columns: str, table: str, ids: Sequence[str]) -> Iterator[Any]:
    at_once = 500  # older builds of SQLite accept 999 values in a statement
    for start in range(0, len(ids), at_once):
        some = ids[start : start + at_once]
        marks = ", ".join("?" * len(some))
        yield from database.execute(f"SELECT run_uuid, {columns} FROM {table} WHERE run_uuid IN ({marks})", some)


def _conditions(clauses: Sequence[Clause]) -> tuple[str, list[object]]:
    """SQL text that follows other conditions, and the values of its placeholders."""
    text, values = "", list[object]()
    for clause in clauses:
        if clause.field == "attribute":
            text += f" AND r.{_COLUMNS[clause.key]} {clause.operator} ?"
        else:
            is_number = " AND t.is_nan = 0" if clause.field == "metric" else ""
            text += (
                f" AND EXISTS (SELECT 1 FROM {_TABLES[clause.field]} t WHERE t.run_uuid = r.run_uuid AND t.key = ? "
                f"AND t.value {clause.operator} ?{is_number})"
            )
            values.append(clause.key)
        values.append(clause.value)
    return text, values


def _joins(order: Sequence[Order]) -> tuple[str, list[str]]:
    joined = [(i, each) for i, each in enumerate(order) if each.field != "attribute"]
    text = " ".join(
        f"LEFT JOIN {_TABLES[each.field]} o{i} ON o{i}.run_uuid = r.run_uuid AND o{i}.key = ?" for i, each in joined
    )
    return text, [each.key for _, each in joined]


def _ordered(place: int, order: Order) -> str:
    value = f"r.{_COLUMNS[order.key]}" if order.field == "attribute" else f"o{place}.value"
    missing = f"{value} IS NULL"
    if order.field == "metric":
        missing = f"CASE WHEN o{place}.is_nan THEN 1 WHEN {missing} THEN 2 ELSE 0 END"
    return f"{missing}, {value} {'ASC' if order.ascending else 'DESC'}"


def _at_last(order: Sequence[Order]) -> list[str]:
    by_start = any((each.field, each.key) == ("attribute", "start_time") for each in order)
    return ["r.run_uuid"] if by_start else ["r.start_time DESC", "r.run_uuid"]


def _number(value: float, is_nan: int) -> float:
    return math.nan if is_nan else value
