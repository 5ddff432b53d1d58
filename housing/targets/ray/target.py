"""Train on a Ray cluster; the process that asks keeps the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import DataRule
from housing.algorithms.own_code import Image, Program
from housing.algorithms.registry import find, shipped
from housing.targets.ray.settings import Settings
from housing.targets.registry import no_images

__all__ = ["Settings", "keeps", "open_runner", "supports"]

if TYPE_CHECKING:
    from housing.targets.base import Runner


def open_runner(settings: Settings) -> Runner:
    from housing.targets.ray.runner import RayRunner

    return RayRunner(settings)


def supports(
    settings: Settings, algorithm: str, code: Program | Image | None, hyperparameters: Mapping[str, Any]
) -> Sequence[str]:
    """It supports everything but container images; several workers only with algorithms that can fit collectively."""
    if isinstance(code, Image):
        return [no_images("ray")]
    if settings.workers == 1:
        return []
    together = " or ".join(f"algorithm={name}" for name in shipped() if find(name).capabilities.collective)
    alone = "runner.workers: {}; one worker trains it (runner.workers=1), or choose " + together
    if code is not None or not find(algorithm).capabilities.collective:
        return [alone.format(f"{algorithm} cannot be fitted by several processes together")]
    return [
        alone.format(f"{algorithm} with {name} {hyperparameters[name]} cannot be fitted by several processes together")
        for name, values in find(algorithm).capabilities.not_with.get("collective", {}).items()
        if hyperparameters.get(name) in values
    ]


def keeps(rule: DataRule, _algorithm: str) -> bool:
    """All rules but `batches`: Ray's object store holds channels whole."""
    return rule != "batches"
