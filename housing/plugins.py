"""Entry points of installed packages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any


def plugins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group."""
    return tuple(_installed().select(group=group))


def plugins_beside(shipped: Collection[str], group: str) -> Mapping[str, EntryPoint]:
    """A group's entry points by name, without those whose name is among the `shipped` ones."""
    return {entry.name: entry for entry in plugins(group) if entry.name not in shipped}


def package_of(entry: EntryPoint) -> str:
    """The name of the package that declares it."""
    return entry.dist.name if entry.dist is not None else "?"


@cache
def _installed() -> Any:
    # Reads the metadata of every installed package, which takes 30 ms.
    return entry_points()
