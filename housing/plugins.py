"""What installed packages add, by entry point."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any


def plugins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group."""
    return tuple(_installed().select(group=group))


def plugins_beside(shipped: Collection[str], group: str) -> Mapping[str, EntryPoint]:
    """The same by name; what is shipped goes before a package's own of that name."""
    return {entry.name: entry for entry in plugins(group) if entry.name not in shipped}


def package_of(entry: EntryPoint) -> str:
    """The name of the package that declares it."""
    return entry.dist.name if entry.dist is not None else "?"


@cache
def _installed() -> Any:
    # Every installed package's files are read for this, which takes 30 ms.
    return entry_points()
