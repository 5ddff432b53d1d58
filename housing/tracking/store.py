"""Opening the MLflow store: a new SQLite database appears whole or not at all, an old one is used as it is."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import sqlite3
import stat
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from housing import files
from housing.errors import ConfigError, HousingError, TrackingError
from housing.secrets import masked
from housing.tracking.servers import (
    check_address,
    check_answers_http,
    check_answers_managed,
    check_answers_sql,
    is_database,
    sign_for,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow reads these once, when it is imported; what the user has set wins.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Half a minute in all, not two: MLflow's pauses between its tries double, and it would notice late who is back.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4",
}
_BUSY_TIMEOUT_S = 20
_MESSAGE_LIMIT = 400
_PROBE_BYTES = 1 << 18


def open_client(uri: str) -> MlflowClient:
    """A client for a tracking URI, its registry at the same place; may be used from any thread.

    `sqlite:///mlflow.db` is seen from the working folder and made when it is not there, also by several processes at
    once. An ARN is that of a managed MLflow of SageMaker's. Raises TrackingError where it cannot be opened, ConfigError
    where it is no address of a record.
    """
    check_address(uri)
    _import_mlflow(sql="://" in uri and not uri.startswith("http"))
    from mlflow import MlflowClient

    if uri.startswith("sqlite:"):
        path = database_path(uri)
        _prepare_database(path)
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


def database_path(uri: str) -> Path:
    """The file that a `sqlite:///` URI names, absolute."""
    name = uri.removeprefix("sqlite:///").partition("?")[0]
    if name in ("", ":memory:", uri):
        raise ConfigError(f"tracking.uri = {uri!r}: a record must be a file, as in sqlite:///mlflow.db")
    return Path.cwd() / name


def check_creatable(uri: str) -> bool:
    """Whether an SQLite record is yet to be made. Nothing is; raises TrackingError where it could not be."""
    if not uri.startswith("sqlite:") or not _is_missing(path := database_path(uri)):
        return False
    folder = next(parent for parent in path.parents if parent.exists())
    try:
        probe_folder(folder)
    except OSError as e:
        raise TrackingError(f"{path}: cannot create the record there: {e.strerror}") from e
    return True


def local_path(location: str) -> Path | None:
    """The folder on this machine that artifacts lie in; None where they lie elsewhere."""
    parts = urlparse(location)
    if not parts.scheme:
        return Path(location)
    if parts.scheme != "file":
        return None
    from urllib.request import url2pathname

    return Path(url2pathname(parts.path))


def probe_folder(folder: Path) -> None:
    """Write a file there and remove it. Raises OSError: a disk is full, say, or a folder read-only."""
    with NamedTemporaryFile(prefix=".housing-", dir=folder) as probe:
        probe.write(bytes(_PROBE_BYTES))
        probe.flush()
        os.fsync(probe.fileno())


@contextmanager
def translated(doing: str, error: type[HousingError] = TrackingError) -> Iterator[None]:
    """Turn what MLflow raises into `error`, in one bounded line that begins with `doing`."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as e:
        text = masked(" ".join(str(e).partition("[SQL:")[0].split()))
        raise error(f"{doing}: {text[:_MESSAGE_LIMIT]}") from e


def _import_mlflow(*, sql: bool) -> None:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    # Our own messages say what failed; MLflow would print a traceback before, and Alembic every migration.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    module = "mlflow.store.tracking.sqlalchemy_store" if sql else "mlflow"
    if module not in sys.modules:
        with _out_of_the_collectors_sight(), warnings.catch_warnings():
            # MLflow's own use of deprecated calls is nothing that a user could mend.
            warnings.simplefilter("ignore")
            import_module(module)


@contextmanager
def _out_of_the_collectors_sight() -> Iterator[None]:
    # These imports make 400,000 objects that all stay. Looking for garbage among them takes a fifth of the time of the
    # imports, and half a second of CPU once more when the process ends.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


# --- SQLite ---------------------------------------------------------------------------------------------------------


def _prepare_database(path: Path) -> None:
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if not event.contains(Engine, "connect", _relax_synchronous):
        event.listen(Engine, "connect", _relax_synchronous)
    if _is_missing(path):
        _create(path)
    else:
        _check(path)


def _relax_synchronous(connection: Any, _record: Any) -> None:
    # With a write-ahead log NORMAL cannot corrupt the file, and a trial is recorded four times as fast.
    if isinstance(connection, sqlite3.Connection):
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":
            connection.execute("PRAGMA synchronous=NORMAL")


def _is_missing(path: Path) -> bool:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise TrackingError(f"{path}: is no file; a record is one, as in tracking.uri=sqlite:///mlflow.db")
    except FileNotFoundError:
        return True
    except (OSError, ValueError) as e:  # a name with a NUL is no name
        raise TrackingError(f"{path}: cannot be read: {getattr(e, 'strerror', None) or e}") from e
    return found.st_size == 0


def _create(path: Path) -> None:
    """Whole or not at all: everything happens in a file beside `path`, which then takes its place."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.locked(path.with_name(f".{path.name}.lock"), temporary=True):
            if not _is_missing(path):
                return
            new = path.with_name(f".{path.name}.new")
            _remove_database(new)
            # A log that outlived its database would be replayed into the new one.
            _remove_database(path)
            _copy_template(new)
            _fill_in(new, artifact_root=path.parent / "mlruns")
            files.install(new, path)
    except (OSError, sqlite3.Error) as e:
        raise TrackingError(f"{path}: cannot create the record there: {getattr(e, 'strerror', None) or e}") from e


def _copy_template(new: Path) -> None:
    """An empty migrated database; Alembic needs seconds to make one, so it is made once for each MLflow version."""
    import mlflow

    cache = files.cache_folder()
    template = cache / f"mlflow-{mlflow.__version__}-{_newest_revision()}.db"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with files.locked(template.with_suffix(".lock"), temporary=True):
            if _revision(template) != _newest_revision():
                unfinished = template.with_suffix(".new")
                _remove_database(unfinished)
                _migrate(unfinished)
                files.install(unfinished, template)
        shutil.copyfile(template, new)
    except (OSError, sqlite3.Error):
        _remove_database(new)
        _migrate(new)


def _migrate(path: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with translated(f"{path}: MLflow cannot make its tables"):
        SqlAlchemyStore(f"sqlite:///{path}", "./mlruns").engine.dispose()


def _fill_in(path: Path, *, artifact_root: Path) -> None:
    now_ms = int(time.time() * 1000)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ?",
            (str(artifact_root / "0"), now_ms, now_ms),
        )
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")


def _check(path: Path) -> None:
    try:
        found = _revision(path)
    except sqlite3.OperationalError as e:
        raise TrackingError(f"{path}: cannot be opened: {e}") from e
    except sqlite3.DatabaseError as e:
        raise TrackingError(f"{path}: not a whole SQLite database ({e}); move it away or change tracking.uri") from e
    if found is None:
        raise TrackingError(f"{path}: an SQLite database, but not one of MLflow; move it away or change tracking.uri")
    if found != _newest_revision():
        raise TrackingError(
            f"{path}: its tables (revision {found}) are not those of the MLflow installed here "
            f"(revision {_newest_revision()}); copy the file, then: mlflow db upgrade sqlite:///{path}"
        )
    # A database that somebody reads just now, or that is read-only, stays as it is: slower, and as safe.
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=1)) as database:
        database.execute("PRAGMA journal_mode=WAL")


def _revision(path: Path) -> str | None:
    """The schema revision that a database says it has; None for a missing file or one without MLflow's tables."""
    if _is_missing(path):
        return None
    with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "experiments"} <= tables:
            return None
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return row[0] if row else None


def _newest_revision() -> str:
    from alembic.script import ScriptDirectory
    from mlflow.store import db_migrations

    return str(ScriptDirectory(str(Path(db_migrations.__path__[0]))).get_current_head())


def _remove_database(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
