"""Imports MLflow without its output, and turns its errors into ours of one line."""

from __future__ import annotations

import gc
import logging
import os
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from housing.errors import HousingError, TrackingError
from housing.secrets import masked

# MLflow reads these once, when it is imported; values set by the user take precedence.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Half a minute in all, not two: as pauses double, MLflow would be slow to notice that a server is back.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
}
_MESSAGE_LIMIT = 400
_WAYS_OUT = {
    "No space left on device": "free some space",
    "disk is full": "free some space",
    "database is locked": "another process keeps it so: end that one, or try again later",
}
"""What a user can do, by what a system or SQLite says."""


def import_mlflow(*, sql: bool) -> None:
    """To be called before any other import of MLflow; `sql` for records that it writes to a database itself."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    # Our own messages say what failed; MLflow would print a traceback first, and Alembic each migration.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # AWS's plug-in for a managed MLflow fails on each request to any other server, of which MLflow then warns.
    logging.getLogger("mlflow.tracking.request_header.registry").setLevel(logging.ERROR)
    module = "mlflow.store.tracking.sqlalchemy_store" if sql else "mlflow"
    if module not in sys.modules:
        with _out_of_the_collectors_sight(), warnings.catch_warnings():
            # Users cannot fix MLflow's use of deprecated calls.
            warnings.simplefilter("ignore")
            import_module(module)


@contextmanager
def translated(doing: str, error: type[HousingError] = TrackingError) -> Iterator[None]:
    """Turn what MLflow, or a database, raises into `error`, in one bounded line that begins with `doing`."""
    try:
        yield
    except Exception as e:
        if not isinstance(e, _of_the_record()):
            raise
        text = masked(" ".join(str(e).partition("[SQL:")[0].split()))
        raise error(f"{doing}: {with_way_out(text[:_MESSAGE_LIMIT])}") from e


def with_way_out(text: str) -> str:
    """What a system or a database says, with what a user can do about it."""
    return next((f"{text}; {way_out}" for said, way_out in _WAYS_OUT.items() if said in text), text)


def _of_the_record() -> tuple[type[Exception], ...]:
    # A module that is not imported cannot have raised.
    named = (("mlflow.exceptions", "MlflowException"), ("sqlalchemy.exc", "SQLAlchemyError"))
    imported = [getattr(sys.modules[module], name) for module, name in named if module in sys.modules]
    return OSError, sqlite3.Error, *imported


@contextmanager
def _out_of_the_collectors_sight() -> Iterator[None]:
    # These imports create 400,000 objects, all permanent. Collecting garbage among them takes a fifth of the imports'
    # time, and another half second of CPU when the process ends.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
