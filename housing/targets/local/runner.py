"""Train in threads of this process, over matrices that are built once and shared."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from housing.algorithms.base import find
from housing.data.channel import Channel
from housing.errors import HousingError, TrainingError
from housing.training.job import Progress, TrainingJob, TrainingResult
from housing.training.metrics import METRICS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.targets.local import Settings

RoundWatch = Callable[[int, Mapping[str, Mapping[str, float]]], bool]

_MOST_THREADS = 64
_LABEL_UNIT = "@label"
"""Marks a metric in the label's unit beside the library's own of that name; the library reads it as text: no colon."""


class LocalRunner:
    """Jobs run as soon as they are submitted: whoever submits decides how many run at once.

    XGBoost lets go of the interpreter while it trains, so one thread a job and `threads_per_job` 1 use every core
    without a copy of the data; results then do not depend on how many jobs run beside each other.
    """

    def __init__(self, settings: Settings) -> None:
        self._threads_per_job = settings.threads_per_job
        self._pool = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="job")
        self._matrices: dict[Hashable, Any] = {}
        self._lock = threading.Lock()

    def stage(self, channel: Channel) -> Channel:
        """Nothing to move: jobs read the arrays where they are."""
        return channel

    def submit(self, job: TrainingJob, progress: Progress | None = None) -> Future[TrainingResult]:
        """Start a job in a thread of its own."""
        return self._pool.submit(self._train, job, progress)

    def close(self) -> None:
        """Wait for running jobs, then free the matrices."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._matrices.clear()

    def _train(self, job: TrainingJob, progress: Progress | None) -> TrainingResult:
        algorithm = find(job.algorithm)
        train, validation = job.channels["train"], job.channels.get("validation")
        started_at_ms, started = time.time_ns() // 1_000_000, time.perf_counter()
        try:
            train_matrix = self._matrix(algorithm, train, job.hyperparameters)
            validation_matrix = validation and self._matrix(
                algorithm, validation, job.hyperparameters, reference=train_matrix
            )
            fitted = algorithm.fit(
                job.hyperparameters,
                train_matrix,
                validation_matrix,
                seed=job.seed,
                threads=self._threads_per_job,
                progress=_flattened(progress, job),
                label_metrics=_metrics_in_label_unit(job),
            )
        except HousingError:
            raise
        except Exception as e:
            raise TrainingError(f"{job.name}: {job.algorithm} failed: {_last_line(e)}") from e
        history = {name: list(values) for name, values in _flat(fitted.history, job).items()}
        return TrainingResult(
            history=history,
            metrics={name: float(values[fitted.best_round]) for name, values in history.items()},
            best_round=fitted.best_round,
            model=fitted.model,
            model_format=algorithm.MODEL_FORMAT,
            seconds=time.perf_counter() - started,
            started_at_ms=started_at_ms,
            stopped=fitted.stopped,
        )

    def _matrix(
        self, algorithm: Any, channel: Channel, hyperparameters: Mapping[str, Any], *, reference: Any = None
    ) -> Any:
        key = (channel.digest, id(reference), algorithm.matrix_key(hyperparameters))
        with self._lock:  # a second job of the same key waits for the matrix rather than building its own
            if key not in self._matrices:
                self._matrices[key] = algorithm.matrix(
                    channel.features, channel.label, hyperparameters, reference=reference
                )
            return self._matrices[key]


def _metrics_in_label_unit(
    job: TrainingJob,
) -> Mapping[str, Callable[[NDArray[np.float64], NDArray[np.float64]], float]] | None:
    """XGBoost's own metrics see the transformed label; people compare dollars, so those are computed beside them."""
    if job.label_transform == "none":
        return None
    import numpy as np

    def undone(name: str) -> Callable[[NDArray[np.float64], NDArray[np.float64]], float]:
        compute = METRICS[name].compute
        return lambda label, prediction: compute(
            np.exp(label.astype(np.float64)), np.exp(prediction.astype(np.float64))
        )

    wanted = job.hyperparameters.get("eval_metric", ())
    return {f"{name}{_LABEL_UNIT}": undone(name) for name in wanted if isinstance(name, str)}  # type: ignore[union-attr]


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


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
