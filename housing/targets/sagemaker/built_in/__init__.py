"""Algorithms that SageMaker has images of its own for: one folder each, by the algorithm's name here."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Protocol

from housing.targets.sagemaker.containers import TrainingContainer

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings


UNTAGGED = "xgboost"
"""What an untagged job, which another program has created, is taken for."""


class BuiltIn(TrainingContainer, Protocol):
    """Its image serves encoded rows as well: `model_file` is what it looks for in a model's archive.

    `column_rules` are what it can be told of columns: see `algorithms.base.DataRule`.
    """

    model_file: ClassVar[str]
    column_rules: ClassVar[tuple[str, ...]] = ()

    def serving_image(self, made_by: str | None, settings: Settings, region: str, /) -> str:
        """The image that serves a model which this version of the library has made. Raises ConfigError for none."""
        raise NotImplementedError


def find(algorithm: str) -> BuiltIn | None:
    """SageMaker's own container for an algorithm; None where it has none."""
    if algorithm not in (m.name for m in pkgutil.iter_modules(__path__)):
        return None
    found: BuiltIn = import_module(f"{__name__}.{algorithm}.container").CONTAINER
    return found
