"""Files that several processes share: locks that are freed when their holder ends, and atomic writes."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_UNFINISHED = ".tmp"
_POLL_S = 0.02


def cache_folder() -> Path:
    """This user's cache folder, whose contents can be recomputed; may not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "housing"


class LockHeldError(Exception):
    """Another process has the lock; `holder` is what it wrote into the lock file, "" where it wrote nothing."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by another process")
        self.holder = holder


@contextlib.contextmanager
def locked(
    path: Path, *, wait_s: float = math.inf, holder: str = "", mode: int = 0o600, temporary: bool = False
) -> Iterator[None]:
    """Hold the lock file `path`, made when it is not there; the kernel frees it however this process ends.

    `holder` is written into it for those who find it held; a `temporary` one is removed at the end. Raises
    LockHeldError after `wait_s` seconds, OSError where the file cannot be opened.
    """
    from filelock import FileLock, Timeout

    def sign(descriptor: int) -> None:
        # On a full disk the lock is held all the same; only its holder is not named.
        with contextlib.suppress(OSError):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, holder.encode(), 0)

    lock = FileLock(
        path,
        timeout=wait_s,
        mode=mode,
        thread_local=False,
        poll_interval=_POLL_S,
        # A lock by the mere existence of a file would outlive a killed holder.
        fallback_to_soft=False,
        on_acquired=sign if holder else None,
    )
    try:
        lock.acquire()
    except Timeout as error:
        raise LockHeldError(path, _text(path)) from error
    try:
        yield
    finally:
        # Removed while it is held: a process that has opened the file and waits sees that it is gone, and starts again.
        if temporary:
            path.unlink(missing_ok=True)
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a process holds this lock; False where there is no such file. Raises OSError where it cannot be read."""
    import fcntl

    # A shared lock, so that two processes checking at once do not take each other for a holder.
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o666) -> Iterator[IO[bytes]]:
    """Write a new file, which is renamed to `path` once it is complete and on disk; on failure nothing has changed.

    It has `mode`, less the umask, from the beginning. Raises OSError.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
        install(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Write a whole file atomically, as `replacing` does."""
    with replacing(path, mode=mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def install(finished: Path, path: Path) -> None:
    """Flush a finished file or folder to disk, then rename it to `path`. Raises OSError."""
    sync(finished)
    finished.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what killed writers left unfinished; call it only when no writer can be running."""
    for path in folder.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
