"""MLflow's client for a record of any kind."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from housing.tracking.places import database_path
from housing.tracking.servers import (
    check_address,
    check_answers_http,
    check_answers_managed,
    check_answers_sql,
    is_database,
    sign_for,
)
from housing.tracking.sqlite_file import prepare
from housing.tracking.vendor import import_mlflow, translated

if TYPE_CHECKING:
    from mlflow import MlflowClient


def open_client(uri: str) -> MlflowClient:
    """A client for a tracking URI, with the registry at the same URI; may be used from any thread.

    `sqlite:///mlflow.db` is relative to the working folder and created if it is missing, also by several processes at
    once. An ARN is that of SageMaker's managed MLflow. Raises TrackingError if it cannot be opened, ConfigError if the
    URI is not one of a record.
    """
    check_address(uri)
    import_mlflow(sql="://" in uri and not uri.startswith("http"))
    from mlflow import MlflowClient

    if uri.startswith("sqlite:"):
        path = database_path(uri)
        _let_connections_be_quick()
        prepare(path)
        uri = f"sqlite:///{path}"
    elif uri.startswith(("http://", "https://")):
        check_answers_http(uri)
    elif uri.startswith("arn:"):
        sign_for(uri)
    elif is_database(uri):
        check_answers_sql(uri)
    with translated(f"{uri}: MLflow cannot open it"):
        client = MlflowClient(uri, uri)
    if uri.startswith("arn:"):
        check_answers_managed(client, uri)
    return client


def _let_connections_be_quick() -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "connect", _relax_synchronous):
        event.listen(Engine, "connect", _relax_synchronous)


def _relax_synchronous(connection: Any, _record: Any) -> None:
    # With a write-ahead log NORMAL cannot corrupt the file, and trials are recorded four times as fast.
    if isinstance(connection, sqlite3.Connection):
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":
            connection.execute("PRAGMA synchronous=NORMAL")
