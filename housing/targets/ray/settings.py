"""The settings of this target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """`address` is that of a running cluster, as `ray start --head` prints it; null starts one on this machine.

    `cpus` is how many processors the one on this machine may use, null for all. A job takes `threads_per_job` of the
    cluster's processors, and waits until they are free. `workers` processes train each job together, each of them with
    its own part of the rows and `threads_per_job` processors.
    """

    name: Literal["ray"] = "ray"
    address: str | None = None
    cpus: int | None = None
    threads_per_job: int = 1
    workers: int = 1

    def __post_init__(self) -> None:
        if self.cpus is not None and self.cpus < 1:
            raise ValueError(f"cpus must be 1 or more, got {self.cpus}")
        if self.cpus is not None and self.address is not None:
            raise ValueError(f"cpus is for a cluster that is started here; the one at {self.address} has its own")
        if self.threads_per_job < 1:
            raise ValueError(f"threads_per_job must be 1 or more, got {self.threads_per_job}")
        if self.workers < 1:
            raise ValueError(f"workers must be 1 or more, got {self.workers}")
        if self.cpus is not None and self.workers * self.threads_per_job > self.cpus and self.workers > 1:
            needed = self.workers * self.threads_per_job
            raise ValueError(f"workers times threads_per_job must be at most cpus ({self.cpus}), got {needed}")
        if self.cpus is not None and self.threads_per_job > self.cpus:
            raise ValueError(f"threads_per_job must be at most cpus ({self.cpus}), got {self.threads_per_job}")
