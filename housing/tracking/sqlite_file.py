"""The file of a local record: a new database is created atomically, an existing one is used unchanged."""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from housing import files
from housing.errors import TrackingError
from housing.tracking.places import is_missing
from housing.tracking.vendor import import_mlflow, translated

_BUSY_TIMEOUT_S = 20
_MIGRATIONS = ("store", "db_migrations", "versions")
_REVISION = re.compile(r"^revision = [\"'](\w+)[\"']", re.MULTILINE)
_DOWN_REVISION = re.compile(r"^down_revision = (.*)$", re.MULTILINE)
_WORD = re.compile(r"\w+")


def prepare(path: Path) -> None:
    """Create the database if there is none, else check it. Raises TrackingError."""
    if is_missing(path):
        _create(path)
    else:
        _check(path)


@cache
def newest_revision() -> str:
    """The schema revision of the installed MLflow: the only migration that no other one follows."""
    found = find_spec("mlflow")
    (folder,) = found.submodule_search_locations if found and found.submodule_search_locations else [""]
    texts = [path.read_text(encoding="utf-8") for path in Path(folder, *_MIGRATIONS).glob("*.py")]
    followed = {word for text in texts for line in _DOWN_REVISION.findall(text) for word in _WORD.findall(line)}
    newest: set[str] = {revision for text in texts for revision in _REVISION.findall(text)} - followed
    if len(newest) != 1:
        raise TrackingError(f"the MLflow installed here has {len(newest)} newest revisions of its tables, not one")
    return newest.pop()


def _create(path: Path) -> None:
    """Create the database atomically: in a file beside `path`, which is then renamed."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.locked(path.with_name(f".{path.name}.lock"), temporary=True):
            if not is_missing(path):
                return
            new = path.with_name(f".{path.name}.new")
            _remove_database(new)
            # A write-ahead log left from an earlier database would be replayed into the new one.
            _remove_database(path)
            _copy_template(new)
            _fill_in(new, artifact_root=path.parent / "mlruns")
            files.install(new, path)
    except (OSError, sqlite3.Error) as e:
        raise TrackingError(f"{path}: cannot create the record there: {getattr(e, 'strerror', None) or e}") from e


def _copy_template(new: Path) -> None:
    """Copy an empty migrated database; as Alembic takes seconds to make one, it is made once per MLflow version."""
    cache = files.cache_folder()
    template = cache / f"mlflow-{version('mlflow')}-{newest_revision()}.db"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with files.locked(template.with_suffix(".lock"), temporary=True):
            if _revision(template) != newest_revision():
                unfinished = template.with_suffix(".new")
                _remove_database(unfinished)
                _migrate(unfinished)
                files.install(unfinished, template)
        shutil.copyfile(template, new)
    except (OSError, sqlite3.Error):
        _remove_database(new)
        _migrate(new)


def _migrate(path: Path) -> None:
    import_mlflow(sql=True)
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
    if found != newest_revision():
        raise TrackingError(
            f"{path}: its tables (revision {found}) are not those of the MLflow installed here "
            f"(revision {newest_revision()}); copy the file, then: mlflow db upgrade sqlite:///{path}"
        )
    # A database that is being read, or is read-only, is left unchanged: slower, but as safe.
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(path, timeout=1)) as database:
        database.execute("PRAGMA journal_mode=WAL")


def _revision(path: Path) -> str | None:
    """The schema revision of a database; None for a missing file or one without MLflow's tables."""
    if is_missing(path):
        return None
    with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "experiments"} <= tables:
            return None
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return row[0] if row else None


def _remove_database(path: Path) -> None:
    for suffix in ("", "-journal", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()
