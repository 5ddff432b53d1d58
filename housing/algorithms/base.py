"""What an algorithm offers, and how to find one by name: one file in this folder is one algorithm."""

from __future__ import annotations

import hashlib
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
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
    about: str = ""
    default: int | float | str | bool | tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None
    many: bool = False
    tunable: bool = True


Hyperparameters = Mapping[str, Hyperparameter]


_METRIC_NAME = re.compile(r"(train|validation)_[a-z]\w*")


def metric_faults(patterns: Mapping[str, str]) -> list[str]:
    """What is wrong with metric names and the regular expressions that find their values; each with its key."""
    found = []
    for name, pattern in patterns.items():
        if not _METRIC_NAME.fullmatch(name):
            found.append(f"metrics.{name}: must be named train_<metric> or validation_<metric>")
        try:
            if re.compile(pattern).groups < 1:
                found.append(f"metrics.{name}: must have the number in brackets, such as mae: ([0-9.]+), got {pattern}")
        except re.error as e:
            found.append(f"metrics.{name}: must be a regular expression: {e}")
    return found


@dataclass(frozen=True)
class Program:
    """A training script of the user's, with the folder that it stands in.

    `archive` is that folder as a gzipped tar, the same bytes for the same files; `entry_point` and `requirements` are
    paths in it. `framework` with its versions names the image that runs it on SageMaker. `metrics` maps a metric's
    name to the regular expression that finds its value, in the first group, in a line that the script prints. `rounds`
    is the hyperparameter that says how many times it prints them. A process on this machine may take `timeout_s`.
    """

    entry_point: str
    archive: bytes = field(repr=False)
    framework: str
    framework_version: str
    py_version: str
    metrics: Mapping[str, str]
    requirements: str | None = None
    rounds: str | None = None
    timeout_s: float | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the archive."""
        return hashlib.sha256(self.archive).hexdigest()


@dataclass(frozen=True)
class Image:
    """A container image of the user's, which reads and writes /opt/ml as SageMaker asks of it.

    `metrics` and `rounds` are as in `Program`. `entry_point` and `arguments` replace the image's own where they are
    given.
    """

    image: str
    metrics: Mapping[str, str]
    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    rounds: str | None = None

    def __post_init__(self) -> None:
        if faults := metric_faults(self.metrics):
            raise ValueError("; ".join(faults))


def names() -> list[str]:
    """The algorithms that exist, by file name."""
    found = (m.name for m in pkgutil.iter_modules(housing.algorithms.__path__))
    return sorted(n for n in found if n != "base")


def find(name: str) -> ModuleType:
    """The algorithm's module.

    All offer `HYPERPARAMETERS` with `REQUIRED` among them, those that a fit without a validation part has no use for
    (`NEEDS_VALIDATION`), the one that counts `ROUNDS`, and of a model's bytes (`MODEL_FORMAT`): `load`, `importance`,
    `requirements`. One that fits where it stands offers `matrix_key`, `matrix` and `fit` as well.
    """
    return import_module(f"housing.algorithms.{name}")
