"""Train in this process; serve from one long-lived process on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from housing.algorithms.own_code import Image, Program
from housing.targets.base import no_images

if TYPE_CHECKING:
    from housing.targets.base import Host, Runner


@dataclass(frozen=True)
class Settings:
    """`folder` holds the server's state, seen from the working folder; `port` 0 lets the system choose one.

    With `threads_per_job` 1 the same job gives the same bytes; more threads pay off on large tables only.
    """

    name: Literal["local"] = "local"
    folder: str = ".housing"
    port: int = 0
    threads_per_job: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must lie in [0, 65535], got {self.port}")
        if self.threads_per_job < 1:
            raise ValueError(f"threads_per_job must be 1 or more, got {self.threads_per_job}")


def open_runner(settings: Settings) -> Runner:
    from housing.targets.local.runner import LocalRunner

    return LocalRunner(settings)


def open_host(settings: Settings) -> Host:
    from housing.targets.local.host import LocalHost

    return LocalHost(settings)


def supports(_settings: Settings, _algorithm: str, code: Program | Image | None) -> Sequence[str]:
    """Everything but container images."""
    return [no_images("local")] if isinstance(code, Image) else []
