"""Fits one training job in this process: channels in memory in, a result out; used by every target that trains."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import FittingAlgorithm, LabelMetrics, RoundWatch
from housing.algorithms.collective import Checkpoints
from housing.algorithms.own_code import Image, Program
from housing.algorithms.registry import fitting
from housing.data.channel import Channel, write_csv
from housing.errors import HousingError, TrainingError
from housing.tasks import base as tasks
from housing.tasks.transforms import undone
from housing.training.job import Progress, TrainingJob, TrainingResult
from housing.training.scoring import kept_metrics, scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LABEL_UNIT = "@label"
"""Marks a metric in the label's unit beside the library's own of that name; the library reads it as text: no colon."""


class Matrices:
    """The matrices of one process's jobs, each built once and shared by all jobs that may share it. Thread-safe."""

    def __init__(self) -> None:
        self._built: dict[Hashable, Any] = {}
        self._lock = threading.Lock()
        self._folder: TemporaryDirectory[str] | None = None

    def get(
        self,
        algorithm: FittingAlgorithm,
        channel: Channel,
        hyperparameters: Mapping[str, Any],
        *,
        reference: Any = None,
    ) -> Any:
        """The channel as the algorithm's matrix; a validation channel is given its training matrix as `reference`."""
        key = (id(algorithm), channel.digest, id(reference), algorithm.matrix_key(hyperparameters))
        with self._lock:  # a second job of the same key waits for the matrix rather than building its own
            if key not in self._built:
                # An algorithm without weights, or without levels, need not accept the argument.
                told: dict[str, Any] = {} if channel.weights is None else {"weights": channel.weights}
                told |= {"categorical": channel.categorical} if channel.categorical else {}
                if channel.stored is not None and algorithm.capabilities.batches:
                    told["batches"] = channel.stored.batches
                self._built[key] = algorithm.matrix(
                    channel.features, channel.label, hyperparameters, reference=reference, **told
                )
            return self._built[key]

    def csv(self, channel: Channel) -> Path:
        """The channel as a file, label first, for jobs that are processes."""
        with self._lock:
            self._folder = self._folder or TemporaryDirectory(prefix="housing-channels-")
            file = Path(self._folder.name, f"{channel.digest}.csv")
            if not file.exists():
                write_csv(channel, file)
            return file

    def clear(self) -> None:
        """Free all matrices."""
        with self._lock:
            self._built.clear()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None


def fit(
    job: TrainingJob,
    matrices: Matrices,
    *,
    threads: int = 1,
    progress: Progress | None = None,
    ending: threading.Event | None = None,
    checkpoints: Checkpoints | None = None,
) -> TrainingResult:
    """Train `job`, whose channels are `Channel`s, on `threads` threads. Raises TrainingError that names the job.

    A job in its own process is asked to end when `ending` is set; others end after a round. `checkpoints` are
    for algorithms that declare `collective`.
    """
    if isinstance(job.code, Image):
        raise TrainingError(f"{job.name}: a container image cannot run here; it can on Amazon SageMaker")
    if isinstance(job.code, Program):
        from housing.training.script import run

        files = {name: matrices.csv(channel) for name, channel in job.channels.items()}
        return run(job, job.code, files, threads=threads, progress=progress, ending=ending)
    algorithm = fitting(job.algorithm)
    train, validation = job.channels["train"], job.channels.get("validation")
    _refuse_missing(algorithm, job)
    hyperparameters = _with_directions(algorithm, job, train)
    started_at_ms, started = time.time_ns() // 1_000_000, time.perf_counter()
    try:
        train_matrix = matrices.get(algorithm, train, hyperparameters)
        validation_matrix = validation and matrices.get(algorithm, validation, hyperparameters, reference=train_matrix)
        fitted = algorithm.fit(
            hyperparameters,
            train_matrix,
            validation_matrix,
            seed=job.seed,
            threads=threads,
            progress=_flattened(progress, job),
            label_metrics=_metrics_in_label_unit(job, algorithm.metrics(job.hyperparameters)),
            **({} if checkpoints is None else {"checkpoints": checkpoints}),
        )
    except HousingError:
        raise
    except Exception as e:
        raise TrainingError(f"{job.name}: {job.algorithm} failed: {_reason(e)}") from e
    history = {name: list(values) for name, values in _flat(fitted.history, job).items()}
    if not history:
        history = scored(job, job.channels, fitted.model)
    told = {name: float(values[min(fitted.best_round, len(values) - 1)]) for name, values in history.items()}
    return TrainingResult(
        history=history,
        metrics=kept_metrics(job, job.channels, fitted.model) | told,
        best_round=fitted.best_round,
        model=fitted.model,
        model_format=algorithm.model_format,
        seconds=time.perf_counter() - started,
        started_at_ms=started_at_ms,
        stopped=fitted.stopped,
    )


def _refuse_missing(algorithm: FittingAlgorithm, job: TrainingJob) -> None:
    if algorithm.capabilities.missing_values:
        return
    import numpy as np

    for name, channel in job.channels.items():
        columns = np.flatnonzero(np.isnan(channel.features).any(axis=0))
        if columns.size:
            shown = ", ".join(channel.columns[place] for place in columns[:5])
            raise TrainingError(
                f"{job.name}: {job.algorithm} takes no missing values, and {len(columns):,} columns of the {name} "
                f"part have some: {shown}; describe them as ignored, or choose an algorithm that takes them"
            )


def _with_directions(algorithm: FittingAlgorithm, job: TrainingJob, train: Channel) -> dict[str, Any]:
    """The job's hyperparameters, with what the channel says of its columns."""
    has = algorithm.capabilities
    if train.categorical and not has.categorical_inputs:
        raise TrainingError(f"{job.name}: {job.algorithm} takes no levels as such; say features.nominal=one_hot")
    if not any(train.directions):
        return dict(job.hyperparameters)
    if has.monotone is None:
        raise TrainingError(f"{job.name}: {job.algorithm} cannot keep features.monotone; leave it out")
    return {**job.hyperparameters, has.monotone: train.directions}


def _metrics_in_label_unit(job: TrainingJob, names: Sequence[str]) -> LabelMetrics | None:
    """Metrics in the label's unit, computed in addition to the library's own, which see the transformed label."""
    if job.label_transform == "none":
        return None
    import numpy as np

    known, asked = tasks.metrics(job.task), job.asked

    def unit(values: NDArray[Any]) -> NDArray[np.float64]:
        return undone(job.label_transform, values.astype(np.float64))

    def in_unit(name: str) -> Callable[..., float]:
        compute = known[name].compute

        def measure(label: NDArray[Any], outputs: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
            found = asked.predictions(unit(outputs), threshold=tasks.DEFAULT_THRESHOLD)
            return compute(unit(label), found.weighed(weights))

        return measure

    return {f"{name}{_LABEL_UNIT}": in_unit(name) for name in names if name in known}


def _flattened(progress: Progress | None, job: TrainingJob) -> RoundWatch | None:
    if progress is None:
        return None
    return lambda number, newest: progress(number, _flat(newest, job))


def _flat(nested: Mapping[str, Mapping[str, Any]], job: TrainingJob) -> dict[str, Any]:
    """`<channel>_<metric>`: in the label's unit under the plain name, as trained on under `..._trained`."""
    flat = {}
    for channel, metrics in nested.items():
        for name, value in metrics.items():
            plain, in_label_unit, _ = name.partition(_LABEL_UNIT)
            as_trained = job.label_transform != "none" and not in_label_unit
            flat[f"{channel}_{plain}_trained" if as_trained else f"{channel}_{plain}"] = value
    return flat


def _reason(error: Exception) -> str:
    """The reason on one line, without the time, source file and stack of addresses that some libraries add."""
    told = str(error).partition("Stack trace:")[0]
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return re.sub(r"^\[[\d:]+\] \S+:\d+: ", "", lines[-1]) if lines else type(error).__name__
