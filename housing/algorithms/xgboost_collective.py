"""XGBoost in several processes at once: its tracker and communicator, and what processes exchange after a round."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from housing.algorithms.collective import Checkpoint, Checkpoints, Meeting

if TYPE_CHECKING:
    from housing.algorithms.base import RoundWatch

_TIMEOUT_S = 600
_EVERY_ROUNDS = 10


@contextmanager
def meeting(workers: int, host: str) -> Iterator[Meeting]:
    """A tracker that runs until the processes are done with it."""
    from xgboost.core import XGBoostError
    from xgboost.tracker import RabitTracker

    tracker = RabitTracker(n_workers=workers, host_ip=host, sortby="task", timeout=_TIMEOUT_S)
    tracker.start()
    try:
        yield tracker.worker_args()
    finally:
        with suppress(XGBoostError):  # it reports processes that have died a second time
            tracker.free()


@contextmanager
def joined(address: Meeting, rank: int) -> Iterator[None]:
    """Join as one of the processes; the task's id decides its rank."""
    from xgboost import collective

    with collective.CommunicatorContext(**address, dmlc_task_id=f"{rank:06d}", dmlc_timeout=_TIMEOUT_S):
        yield


def watching(progress: RoundWatch, names: Mapping[str, str], done: int) -> Any:
    """A callback that passes the newest values to `progress`, which stops every process by returning True.

    The first `done` rounds were fitted before.
    """
    import xgboost

    class Watch(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        stopped = False

        def after_iteration(self, _model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Any]]) -> bool:
            newest = {
                channel: {names.get(name, name): float(values[-1]) for name, values in metrics.items()}
                for channel, metrics in evals_log.items()
            }
            self.stopped = _of_first(progress(done + epoch, newest))
            return self.stopped

    return Watch()


def checkpointing(checkpoints: Checkpoints, before: Checkpoint | None, form: str) -> Any:
    """A callback that saves a checkpoint every few rounds, in the process of rank 0."""
    import xgboost

    class Keep(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Any]]) -> bool:
            if (epoch + 1) % _EVERY_ROUNDS == 0 and xgboost.collective.get_rank() == 0:
                checkpoints.keep(Checkpoint(bytes(model.save_raw(form)), continued(before, evals_log)))
            return False

    return Keep()


def continued(
    before: Checkpoint | None, measured: Mapping[str, Mapping[str, Sequence[float]]]
) -> dict[str, dict[str, list[float]]]:
    """The history of the checkpoint, followed by what was measured since."""
    earlier = {} if before is None else before.history
    return {
        channel: {name: [*earlier.get(channel, {}).get(name, ()), *values] for name, values in metrics.items()}
        for channel, metrics in measured.items()
    }


def _of_first(stops: bool) -> bool:
    from xgboost import collective

    return bool(collective.broadcast(stops, 0)) if collective.is_distributed() else stops
