"""Where a record and its files are on this machine."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlparse

from housing.errors import ConfigError, TrackingError

_PROBE_BYTES = 1 << 18


def database_path(uri: str) -> Path:
    """The file that a `sqlite:///` URI names, absolute."""
    name = uri.removeprefix("sqlite:///").partition("?")[0]
    if name in ("", ":memory:", uri):
        raise ConfigError(f"tracking.uri = {uri!r}: a record must be a file, as in sqlite:///mlflow.db")
    return Path.cwd() / name


def check_creatable(uri: str) -> bool:
    """Whether an SQLite record is yet to be created. Creates nothing; raises TrackingError if it could not be."""
    if not uri.startswith("sqlite:") or not is_missing(path := database_path(uri)):
        return False
    folder = next(parent for parent in path.parents if parent.exists())
    try:
        probe_folder(folder)
    except OSError as e:
        raise TrackingError(f"{path}: cannot create the record there: {e.strerror}") from e
    return True


def local_path(location: str) -> Path | None:
    """The folder of artifacts on this machine; None if they are elsewhere."""
    parts = urlparse(location)
    if not parts.scheme:
        return Path(location)
    if parts.scheme != "file":
        return None
    from urllib.request import url2pathname

    return Path(url2pathname(parts.path))


def probe_folder(folder: Path) -> None:
    """Write a file in the folder and remove it. Raises OSError, for example for a full disk or a read-only folder."""
    with NamedTemporaryFile(prefix=".housing-", dir=folder) as probe:
        probe.write(bytes(_PROBE_BYTES))
        probe.flush()
        os.fsync(probe.fileno())


def is_missing(path: Path) -> bool:
    """Whether there is no database yet; an empty file counts as none. Raises TrackingError for what cannot be one."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise TrackingError(f"{path}: is not a file; a record must be one, as in tracking.uri=sqlite:///mlflow.db")
    except FileNotFoundError:
        if path.is_symlink():
            raise TrackingError(
                f"{path}: a link to {path.readlink()}, which is not there; is its disk mounted? If the record is lost, "
                "remove the link"
            ) from None
        return True
    except (OSError, ValueError) as e:  # such as a NUL in the name
        raise TrackingError(f"{path}: cannot be read: {getattr(e, 'strerror', None) or e}") from e
    return found.st_size == 0
