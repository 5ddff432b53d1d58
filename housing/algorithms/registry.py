"""The algorithms that exist.

Each is a file in this folder, or an entry point of the group `housing.algorithms` in an installed package.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint

import housing.algorithms
from housing.algorithms.base import Algorithm, FittingAlgorithm
from housing.errors import ConfigError
from housing.plugins import package_of, plugins_beside

ENTRY_POINTS = "housing.algorithms"
SCRIPT, CONTAINER = OWN_CODE = ("script", "container")
"""Algorithms that run the user's code, under whatever name a configuration gives them."""

ENSEMBLE = "ensemble"
"""Reads models made of others; cannot be chosen for training."""

_NOT_ALGORITHMS = (
    "base",
    "catboost_model",
    "catboost_trees",
    "collective",
    "compiled",
    ENSEMBLE,
    "explaining",
    "forest_trees",
    "groups",
    "level_splits",
    "lightgbm_parameters",
    "lightgbm_trees",
    "linear_fits",
    "kernel_fits",
    "kernel_shapley",
    "mean_form",
    "model_form",
    "own_code",
    "registry",
    "standardising",
    "stored_forms",
    "trees",
    "xgboost_collective",
    "xgboost_matrix",
    "xgboost_library",
    "xgboost_parameters",
    "xgboost_trees",
    "tree_walks",
)


def names() -> list[str]:
    """The algorithms that exist: by file name, and by entry point of installed packages."""
    return sorted({*shipped(), *_entry_points()})


@cache
def find(name: str) -> Algorithm:
    """The algorithm of that name. Raises ModuleNotFoundError for none, ConfigError where its package is broken."""
    if name in (*shipped(), ENSEMBLE):
        found: Algorithm = import_module(f"housing.algorithms.{name}").ALGORITHM
        return found
    entry = _entry_points().get(name)
    if entry is None:
        raise ModuleNotFoundError(f"there is no algorithm {name}; available: {', '.join(names())}")
    try:
        loaded = entry.load()
    except Exception as e:
        raise ConfigError(
            f"algorithm {name}: package {package_of(entry)} declares it as {entry.value}, which cannot be imported: {e}"
        ) from e
    missing = [member for member in ("hyperparameters", "model_format", "load", "fit") if not hasattr(loaded, member)]
    if missing or isinstance(loaded, type):
        why = "is a class, and must be an object of it" if isinstance(loaded, type) else f"has no {missing[0]}"
        raise ConfigError(f"algorithm {name}: {entry.value} of package {package_of(entry)} {why}")
    algorithm: Algorithm = loaded
    return algorithm


def packages(name: str) -> dict[str, str]:
    """What must be installed to run the algorithm, with the versions installed here: its library and its own
    package.
    """
    entry = _entry_points().get(name)
    own = {entry.dist.name: entry.dist.version} if entry is not None and entry.dist is not None else {}
    return {**find(name).versions(), **own}


def fitting(name: str) -> FittingAlgorithm:
    """The algorithm, which must be one that fits in the calling process; jobs of any other are run elsewhere."""
    algorithm = find(name)
    if not isinstance(algorithm, FittingAlgorithm):
        raise TypeError(f"algorithm {name} runs code of the user's, and does not fit by itself")
    return algorithm


@cache
def shipped() -> tuple[str, ...]:
    """The names of the algorithms in this folder."""
    found = (m.name for m in pkgutil.iter_modules(housing.algorithms.__path__))
    return tuple(name for name in found if name not in _NOT_ALGORITHMS)


@cache
def _entry_points() -> Mapping[str, EntryPoint]:
    return plugins_beside(shipped(), ENTRY_POINTS)
