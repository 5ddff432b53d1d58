"""Train on a Ray cluster; the process that asks keeps the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import DataRule
from housing.algorithms.own_code import Image, Program
from housing.targets.base import no_images
from housing.targets.ray.settings import Settings

__all__ = ["Settings", "keeps", "open_runner", "supports"]

if TYPE_CHECKING:
    from housing.targets.base import Runner


def open_runner(settings: Settings) -> Runner:
    from housing.targets.ray.runner import RayRunner

    return RayRunner(settings)


def supports(
    _settings: Settings, _algorithm: str, code: Program | Image | None, _hyperparameters: Mapping[str, Any]
) -> Sequence[str]:
    """Everything but container images."""
    return [no_images("ray")] if isinstance(code, Image) else []


def keeps(rule: DataRule, _algorithm: str) -> bool:
    """Channels come as they are, from memory: Ray's object store holds them whole."""
    return rule != "batches"
