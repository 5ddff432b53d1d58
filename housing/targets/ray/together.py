"""One job on several workers of the cluster, each with its own part of the rows; restarted when one is lost."""

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
"""How long a job's other workers may take to notice that one is lost; only then is it clear which one was."""


@dataclass(frozen=True)
class StagedParts:
    """A channel in the object store, its rows divided into one part per worker."""

    parts: tuple[Any, ...]


def parts_of(channel: Channel, count: int) -> list[Channel]:
    """Divide the rows into `count` parts, in turn; a group is not divided. Raises TrainingError."""
    import numpy as np

    groups = channel.label[:, 1] if channel.label.ndim > 1 else None
    units = np.arange(len(channel.label)) if groups is None else groups.astype(np.int64)
    if 0 < len(np.unique(units)) < count:
        raise TrainingError(f"runner.workers: {count} workers need as many rows, or groups, in {channel.name}")
    return [_rows_of(channel, np.flatnonzero(units % count == number)) for number in range(count)]


@dataclass(frozen=True)
class Part:
    """What one worker is given. Only rank 0 evaluates all of `validation`, and reports its rounds to `address`."""

    job: TrainingJob
    own: Mapping[str, Any]
    validation: Sequence[Any]
    rank: int
    threads: int
    address: ProgressAddress | None


def train_together(
    ray: ModuleType, job: TrainingJob, *, threads: int, address: ProgressAddress | None, kept: Any
) -> TrainingResult:
    """Returns the first worker's result; all have the same model. Raises TrainingError, and whatever Ray raises."""
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
    raise AssertionError  # the last attempt has raised


def train_part(part: Part, meeting: Meeting, kept: Any) -> TrainingResult:
    """Train as one of the workers."""
    import ray

    algorithm = cast(CollectiveAlgorithm, find(part.job.algorithm))
    job = replace(part.job, channels={name: ray.get(reference) for name, reference in part.own.items()})
    checkpoints = _Kept(kept, ray.get(kept.newest.remote()))
    # Not those of an earlier attempt: where matrices are built collectively, the others would wait for this one.
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
        """The newest checkpoint; None before the first."""
        return self._newest

    def keep(self, found: Checkpoint) -> None:
        """Replace the checkpoint before."""
        self._newest = found


class _Kept:
    def __init__(self, keeper: Any, newest: Checkpoint | None) -> None:
        self._keeper = keeper
        self.newest = newest

    def keep(self, found: Checkpoint) -> None:
        self._keeper.keep.remote(found)


def _is_lost(ray: ModuleType, running: Sequence[Any]) -> bool:
    """Whether one of these workers died, rather than failed; all of them have ended afterwards."""
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
            continue  # it may have failed because of the one that died
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
    """One channel of all rows, not in their original order, which metrics do not depend on."""
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
