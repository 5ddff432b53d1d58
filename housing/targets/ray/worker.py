"""What runs in a worker process of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import ray

from housing.errors import TrainingError
from housing.targets.ray.progress_server import ProgressAddress
from housing.training.fit import Matrices, fit
from housing.training.job import Progress, TrainingJob, TrainingResult

_matrices = Matrices()
"""For all jobs of this worker, which ends with its driver: it builds each matrix once."""


def train(job: TrainingJob, threads: int, address: ProgressAddress | None) -> TrainingResult:
    """Fit a job whose channels are in the object store; their arrays are read without being copied."""
    job = replace(job, channels={name: ray.get(reference) for name, reference in job.channels.items()})
    with open_progress(job, address) as progress:
        return fit(job, _matrices, threads=threads, progress=progress)


@contextmanager
def open_progress(job: TrainingJob, address: ProgressAddress | None) -> Iterator[Progress | None]:
    """A connection to the process that submitted the job; None without an address. Raises TrainingError."""
    if address is None:
        yield None
        return
    try:
        opened = address.open()
    except OSError as error:
        node = ray.util.get_node_ip_address()
        raise TrainingError(
            f"{job.name}: its worker on {node} cannot reach the process that asked for it, at {address.host} "
            f"port {address.port} ({error}); workers report each round there, so let them through"
        ) from None
    with opened as progress:
        yield progress
