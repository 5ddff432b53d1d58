"""The targets that exist, found by name."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Any

import housing.targets
from housing.algorithms.base import DataRule
from housing.plugins import plugins_beside


def keeps(target: str, rule: DataRule, algorithm: str) -> bool:
    """Whether a target passes such rules about columns on to jobs of a built-in algorithm.

    A target declares it with a function `keeps(rule, algorithm)`; one without it does not pass them on.
    """
    declared = getattr(find(target), "keeps", None)
    return declared is not None and bool(declared(rule, algorithm))


def names(slot: str) -> list[str]:
    """The targets for slot `runner` or `host`: one folder each, or an entry point of an installed package.

    Not every target that trains can also serve.
    """
    return [name for name in sorted({*_folders(), *_entry_points()}) if hasattr(find(name), f"open_{slot}")]


@cache
def find(name: str) -> Any:
    """A `Target`: the module `target` of a folder beside this file, or what an entry point names.

    Raises ModuleNotFoundError when there is no such target.
    """
    if name in _folders():
        return import_module(f"housing.targets.{name}.target")
    if name not in _entry_points():
        raise ModuleNotFoundError(f"there is no target {name}")
    return _entry_points()[name].load()


@cache
def _folders() -> tuple[str, ...]:
    return tuple(m.name for m in pkgutil.iter_modules(housing.targets.__path__) if m.ispkg)


@cache
def _entry_points() -> Mapping[str, EntryPoint]:
    return plugins_beside(_folders(), "housing.targets")


def no_images(name: str) -> str:
    """Why a target without a container engine refuses a user's image."""
    return (
        f"algorithm.container: needs a place that runs container images, and target {name} has none; train on Amazon "
        "SageMaker: target@runner=sagemaker"
    )
