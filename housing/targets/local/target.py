"""Train in this process; serve from one long-lived process on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import DataRule
from housing.algorithms.own_code import Image, Program
from housing.targets.local.settings import Settings
from housing.targets.registry import no_images

__all__ = ["Settings", "keeps", "open_host", "open_runner", "supports"]

if TYPE_CHECKING:
    from housing.targets.base import Host, Runner


def open_runner(settings: Settings) -> Runner:
    from housing.targets.local.runner import LocalRunner

    return LocalRunner(settings)


def open_host(settings: Settings) -> Host:
    from housing.targets.local.host import LocalHost

    return LocalHost(settings)


def supports(
    _settings: Settings, _algorithm: str, code: Program | Image | None, _hyperparameters: Mapping[str, Any]
) -> Sequence[str]:
    """It supports everything but container images."""
    return [no_images("local")] if isinstance(code, Image) else []


def keeps(_rule: DataRule, _algorithm: str) -> bool:
    """All rules: channels are passed in memory."""
    return True
