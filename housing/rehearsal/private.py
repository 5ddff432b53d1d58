"""Files that nobody else may have written, for what is believed without a question: keys, pickles."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

_OTHERS = 0o077
_OTHERS_WRITE = 0o022


class NotPrivate(OSError):
    """A file or folder that others own, or may write to; the text says which, and the way out."""


def make_folder(path: Path) -> None:
    """Make it, or take it from the eyes and hands of others. Raises NotPrivate where that cannot be had, or OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = path.stat()
    if about.st_uid != os.geteuid():
        raise NotPrivate(f"{path} belongs to user {about.st_uid}, not to {os.geteuid()} who runs this; choose another")
    if about.st_mode & _OTHERS:
        path.chmod(0o700)
        if path.stat().st_mode & _OTHERS:
            raise NotPrivate(f"{path} is open to others, and its file system keeps no modes; choose another folder")


def open_read(path: Path) -> IO[bytes]:
    """Raises NotPrivate for what others may have written, FileNotFoundError where there is nothing."""
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


def open_new(path: Path) -> IO[bytes]:
    """To write what only we may read; a file or link of that name is removed first."""
    path.unlink(missing_ok=True)
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))
