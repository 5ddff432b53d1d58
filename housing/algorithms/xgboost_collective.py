"""XGBoost in several processes at once: its tracker, its collective, and what they tell each other after a round."""

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
    """A tracker, until the processes are done with it."""
    from xgboost.core import XGBoostError
    from xgboost.tracker import RabitTracker

    tracker = RabitTracker(n_workers=workers, host_ip=host, sortby="task", timeout=_TIMEOUT_S)
    tracker.start()
    try:
        yield tracker.worker_args()
    finally:
        with suppress(XGBoostError):  # it tells once more of processes that have died
            tracker.free()


@contextmanager
def joined(address: Meeting, rank: int) -> Iterator[None]:
    """One of the processes; by the name of its task it has this rank."""
    from xgboost import collective

    with collective.CommunicatorContext(**address, dmlc_task_id=f"{rank:06d}", dmlc_timeout=_TIMEOUT_S):
        yield


def watching(progress: RoundWatch, names: Mapping[str, str], done: int) -> Any:
    """A callback that tells the newest values, behind the first `done` rounds; its answer stops every process."""
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
    """A callback that keeps the model every few rounds, in one process of all."""
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
    """What was measured before, and then."""
    earlier = {} if before is None else before.history
    return {
        channel: {name: [*earlier.get(channel, {}).get(name, ()), *values] for name, values in metrics.items()}
        for channel, metrics in measured.items()
    }


def _of_first(stops: bool) -> bool:
    from xgboost import collective

    return bool(collective.broadcast(stops, 0)) if collective.is_distributed() else stops
