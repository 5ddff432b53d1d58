"""What an algorithm offers, and how to find one by name: one file in this folder is one algorithm."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Literal

import housing.algorithms


@dataclass(frozen=True)
class Hyperparameter:
    """A value fixed before fitting: its kind and allowed range (both ends inclusive), or its choices.

    `many` takes a list of `choices`. `default` None means that the library decides. `about` is one line for people.
    """

    kind: Literal["int", "float", "text", "bool"]
    about: str
    default: int | float | str | bool | tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None
    many: bool = False
    tunable: bool = True


Hyperparameters = Mapping[str, Hyperparameter]


def names() -> list[str]:
    """The algorithms that exist, by file name."""
    found = (m.name for m in pkgutil.iter_modules(housing.algorithms.__path__))
    return sorted(n for n in found if n != "base")


def find(name: str) -> ModuleType:
    """The algorithm's module, which offers `HYPERPARAMETERS`, `REQUIRED`, `matrix`, `fit`, `load` and `importance`."""
    return import_module(f"housing.algorithms.{name}")
