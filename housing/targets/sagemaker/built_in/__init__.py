"""Algorithms for which SageMaker has its own images: one folder each, named as the algorithm in housing."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Protocol

from housing.targets.sagemaker.containers import TrainingContainer

if TYPE_CHECKING:
    from housing.targets.sagemaker.settings import Settings


UNTAGGED = "xgboost"
"""The algorithm that an untagged job, created by another program, is assumed to have."""


class BuiltIn(TrainingContainer, Protocol):
    """Its image also serves encoded rows: `model_file` is the file that it looks for in a model's archive.

    `column_rules` are the rules about columns that it accepts: see `algorithms.base.DataRule`.
    """

    model_file: ClassVar[str]
    column_rules: ClassVar[tuple[str, ...]] = ()

    def serving_image(self, made_by: str | None, settings: Settings, region: str, /) -> str:
        """The image that serves a model made by this version of the library. Raises ConfigError if there is none."""
        raise NotImplementedError


def find(algorithm: str) -> BuiltIn | None:
    """SageMaker's own container for an algorithm; None where it has none."""
    if algorithm not in (m.name for m in pkgutil.iter_modules(__path__)):
        return None
    found: BuiltIn = import_module(f"{__name__}.{algorithm}.container").CONTAINER
    return found
