"""Unexpected exceptions: tells those that the user can do something about from bugs in housing."""

from __future__ import annotations

import errno

from housing.secrets import masked

_LONGEST = 300
_WAYS_OUT = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or ask for more",
    errno.EROFS: "work in a folder that can be written",
    errno.EACCES: "allow it, or work in another folder",
    errno.EPERM: "allow it, or work in another folder",
    errno.EMFILE: "allow more open files (ulimit -n), or work at less at once (study.parallel=1, parallel=1)",
    errno.ENFILE: "close other programs",
}
"""What a user can do where the system refuses a file."""


def told(error: Exception) -> tuple[str, int]:
    """A message for people, and the exit code."""
    if isinstance(error, MemoryError):
        return (
            "there is not enough memory; work at less at once (study.parallel=1, parallel=1), take fewer rows or "
            "columns, or allow this process more (ulimit -v)",
            1,
        )
    if isinstance(error, RecursionError):
        return "something in the configuration, or in a file that it names, is nested too deeply; flatten it", 3
    if isinstance(error, OSError) and error.errno in _WAYS_OUT:
        where = f"{masked(str(error.filename))}: " if error.filename else ""
        return f"{where}{error.strerror}; {_WAYS_OUT[error.errno]}", 1
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return (
            f"{masked(str(error.object))!a}: not text in UTF-8, as the names of folders and files must be; rename it, "
            "or set LC_ALL=C.UTF-8 if only this shell reads it otherwise",
            3,
        )
    first = masked(str(error) or "no message").splitlines()[0][:_LONGEST]
    return (
        f"this is a bug in housing: {type(error).__name__}: {first}\n"
        "Set HOUSING_TRACEBACK=1 to see where, and report it with the command.",
        1,
    )
