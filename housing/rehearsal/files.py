"""Files of a rehearsal: written whole or not at all, private, trusted only where nobody else may have written them.

`housing.files` writes files for the rest of the package; the rehearsal does not import it.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_POLL_S = 0.02


class NotPrivate(OSError):
    """A file or folder that other users own or may write to; the text says which, and what to do."""


@contextlib.contextmanager
def locked(path: Path, *, wait_s: float = math.inf) -> Iterator[None]:
    """Hold the lock file `path`; the kernel frees it when this process dies. Raises BlockingIOError after `wait_s`."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=wait_s, mode=0o600, thread_local=False, poll_interval=_POLL_S, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise BlockingIOError(f"another process holds {path}") from error
    try:
        yield
    finally:
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a process holds this lock; False where there is no such file. Does not disturb other callers."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file, readable by its owner only, that takes the name `path` once it is written; for one writer at a time.

    It survives a kill of this process but not a power failure: a rehearsal's files are not worth an fsync.
    """
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.unlink(missing_ok=True)
    try:
        with open(unfinished, "xb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)) as file:
            yield file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write(path: Path, content: str | bytes) -> None:
    """Write it whole or not at all, as `replacing`."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def make_folder(path: Path) -> None:
    """Make the folder, or close an existing one to other users. Raises NotPrivate where that fails, or OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = path.stat()
    if about.st_uid != os.geteuid():
        raise NotPrivate(f"{path} belongs to user {about.st_uid}, not to {os.geteuid()} who runs this; choose another")
    if about.st_mode & _OTHERS:
        path.chmod(0o700)
        if path.stat().st_mode & _OTHERS:
            raise NotPrivate(f"{path} is open to others, and its file system keeps no modes; choose another folder")


def open_trusted(path: Path) -> IO[bytes]:
    """Open a file to read. Raises NotPrivate if other users may have written it, FileNotFoundError if absent."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if path.is_symlink():
            raise NotPrivate(f"{path} is a link; remove it") from error
        raise
    about = os.fstat(descriptor)
    if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & _OTHERS_WRITE:
        os.close(descriptor)
        whose = f"user {about.st_uid}, mode {stat.S_IMODE(about.st_mode):o}"
        raise NotPrivate(f"{path} may have been written by others ({whose}); remove it")
    return os.fdopen(descriptor, "rb")
