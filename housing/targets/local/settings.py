"""The settings of this target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MOST_PROCESSES = 64


@dataclass(frozen=True)
class Settings:
    """`folder` holds the server's state, relative to the working folder; `port` 0 lets the system choose one.

    So many `processes` answer small requests to compiled models, from the next deployment on. With `threads_per_job` 1
    the same job gives the same bytes; more threads pay off on large tables only.
    """

    name: Literal["local"] = "local"
    folder: str = ".housing"
    port: int = 0
    processes: int = 1
    threads_per_job: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must lie in [0, 65535], got {self.port}")
        if not 1 <= self.processes <= MOST_PROCESSES:
            raise ValueError(f"processes must lie in [1, {MOST_PROCESSES}], got {self.processes}")
        if self.threads_per_job < 1:
            raise ValueError(f"threads_per_job must be 1 or more, got {self.threads_per_job}")
