"""A container image of the user's: it trains and answers at a place that runs images, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from housing.algorithms.base import Hyperparameters

HYPERPARAMETERS: Hyperparameters = {}
"""A configuration declares those of its image."""

REQUIRED: tuple[str, ...] = ()
NEEDS_VALIDATION: tuple[str, ...] = ()
ROUNDS: str | None = None
"""A configuration names that of its image."""

MODEL_FORMAT = "tar.gz"


def load(_model: bytes) -> NoReturn:
    """Raises ValueError: nobody but the image can read its model."""
    raise ValueError("not a model that can be loaded here: only the container image that wrote it can read it")


def importance(_model: bytes, _columns: Sequence[str]) -> dict[str, float]:
    """None: an image does not say what its model looks at."""
    return {}


def requirements(_model: bytes) -> list[str]:
    """None: all that is needed is in the image."""
    return []
