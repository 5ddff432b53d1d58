"""What installed packages add, by entry point."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any


def plugins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group."""
    return tuple(_installed().select(group=group))


@cache
def _installed() -> Any:
    # Every installed package's files are read for this, which takes 30 ms.
    return entry_points()
