"""One job on several workers of the cluster, each with its own part of the rows; begun again when one is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, cast

from housing.algorithms.collective import Checkpoint, CollectiveAlgorithm, Meeting
from housing.algorithms.registry import find
from housing.data.channel import Channel, build
from housing.errors import TrainingError
from housing.targets.ray.progress_server import ProgressAddress
from housing.targets.ray.worker import open_progress
from housing.training.fit import Matrices, fit
from housing.training.job import TrainingJob, TrainingResult
from housing.training.scoring import kept_metrics

_MOST_LOST = 3
_SETTLE_S = 15.0
"""How long the others of a job may take to notice that one is lost: until then nobody knows whose fault it is."""


@dataclass(frozen=True)
class StagedParts:
    """A channel in the object store, its rows in as many parts as there are workers."""

    parts: tuple[Any, ...]


def parts_of(channel: Channel, count: int) -> list[Channel]:
    """Its rows in turn, a part for each worker; those of one group stay together. Raises TrainingError."""
    import numpy as np

    groups = channel.label[:, 1] if channel.label.ndim > 1 else None
    units = np.arange(len(channel.label)) if groups is None else groups.astype(np.int64)
    if 0 < len(np.unique(units)) < count:
        raise TrainingError(f"runner.workers: {count} workers need as many rows, or groups, in {channel.name}")
    return [_rows_of(channel, np.flatnonzero(units % count == number)) for number in range(count)]


@dataclass(frozen=True)
class Part:
    """What one worker is given. The first one measures all of the `validation` part, and reports its rounds."""

    job: TrainingJob
    own: Mapping[str, Any]
    validation: Sequence[Any]
    rank: int
    threads: int
    address: ProgressAddress | None


def train_together(
    ray: ModuleType, job: TrainingJob, *, threads: int, address: ProgressAddress | None, kept: Any
) -> TrainingResult:
    """Returns what the first worker returns; all have the same model. Raises TrainingError, and what Ray raises."""
    algorithm = cast(CollectiveAlgorithm, find(job.algorithm))
    parts = _parts(job, threads, address)
    task = ray.remote(num_cpus=threads, max_retries=0)(train_part)
    for lost in range(_MOST_LOST + 1):
        with algorithm.meeting(len(parts), ray.util.get_node_ip_address()) as meeting:
            running = [task.remote(part, meeting, kept) for part in parts]
            try:
                return cast(TrainingResult, ray.get(running)[0])
            except ray.exceptions.RayError:
                if not _is_lost(ray, running) or lost == _MOST_LOST:
                    raise
    raise AssertionError  # the last one has raised


def train_part(part: Part, meeting: Meeting, kept: Any) -> TrainingResult:
    """One of the workers."""
    import ray

    algorithm = cast(CollectiveAlgorithm, find(part.job.algorithm))
    job = replace(part.job, channels={name: ray.get(reference) for name, reference in part.own.items()})
    checkpoints = _Kept(kept, ray.get(kept.newest.remote()))
    # Of a former try: the others would wait for this one where a matrix is built together.
    matrices = Matrices()
    with algorithm.joined(meeting, part.rank), open_progress(job, part.address) as progress:
        result = fit(job, matrices, threads=part.threads, progress=progress or _never_stops, checkpoints=checkpoints)
    if not part.validation:
        return result
    whole = _whole(ray.get(list(part.validation)))
    return replace(result, metrics={**result.metrics, **kept_metrics(job, {"validation": whole}, result.model)})


def _parts(job: TrainingJob, threads: int, address: ProgressAddress | None) -> list[Part]:
    staged: Mapping[str, StagedParts] = job.channels
    validation = staged["validation"].parts if "validation" in staged else ()
    alone = replace(job, channels={})
    return [
        Part(
            alone,
            {name: one.parts[rank] for name, one in staged.items()},
            () if rank else validation,
            rank,
            threads,
            None if rank else address,
        )
        for rank in range(len(staged["train"].parts))
    ]


class CheckpointKeeper:
    """The newest checkpoint of one job, in a process that outlives its workers."""

    def __init__(self) -> None:
        self._newest: Checkpoint | None = None

    def newest(self) -> Checkpoint | None:
        """None before the first."""
        return self._newest

    def keep(self, found: Checkpoint) -> None:
        """In place of the one before."""
        self._newest = found


class _Kept:
    def __init__(self, keeper: Any, newest: Checkpoint | None) -> None:
        self._keeper = keeper
        self.newest = newest

    def keep(self, found: Checkpoint) -> None:
        self._keeper.keep.remote(found)


def _is_lost(ray: ModuleType, running: Sequence[Any]) -> bool:
    """Whether a worker of these died, rather than failed; none of them runs afterwards."""
    ray.wait(list(running), num_returns=len(running), timeout=_SETTLE_S)
    died = False
    for one in running:
        done, _ = ray.wait([one], timeout=0)
        if not done:
            ray.cancel(one, force=True)
            continue
        try:
            ray.get(one)
        except ray.exceptions.RayTaskError:
            continue  # it may have missed the one that died
        except ray.exceptions.RayError:
            died = True
    ray.wait(list(running), num_returns=len(running), timeout=_SETTLE_S)
    return died


def _rows_of(channel: Channel, rows: Any) -> Channel:
    return build(
        channel.name,
        features=channel.features[rows],
        label=channel.label[rows],
        columns=channel.columns,
        weights=None if channel.weights is None else channel.weights[rows],
        categorical=channel.categorical,
        directions=channel.directions,
    )


def _whole(parts: Sequence[Channel]) -> Channel:
    """Their rows, in another order than they had; metrics do not ask for it."""
    import numpy as np

    weights = [part.weights for part in parts if part.weights is not None]
    return replace(
        parts[0],
        features=np.concatenate([part.features for part in parts]),
        label=np.concatenate([part.label for part in parts]),
        weights=np.concatenate(weights) if weights else None,
    )


def _never_stops(_number: int, _metrics: Mapping[str, float]) -> bool:
    return False
