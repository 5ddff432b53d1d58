"""Unexpected exceptions: tells those that the user can do something about from bugs in housing."""

from __future__ import annotations

from housing.secrets import masked

_LONGEST = 300


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
    first = masked(str(error) or "no message").splitlines()[0][:_LONGEST]
    return (
        f"this is a bug in housing: {type(error).__name__}: {first}\n"
        "Set HOUSING_TRACEBACK=1 to see where, and report it with the command.",
        1,
    )
