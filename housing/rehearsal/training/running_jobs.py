"""The training and tuning jobs that are running, each in its own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

from housing.rehearsal.context import Context
from housing.rehearsal.training.engine import Engine
from housing.rehearsal.training.execution import Execution


class RunningJobs:
    """May be used from any thread. `engine` is one that an earlier instance released."""

    def __init__(self, context: Context, engine: Engine | None = None) -> None:
        self.context = context
        self._lock = threading.Lock()
        self._executions: dict[str, tuple[Execution, threading.Thread]] = {}
        self._tuning: list[threading.Thread] = []
        self._engine = engine or Engine(context.folder / "containers.log")

    def warm_up(self) -> None:
        """Begin the imports that containers need, in the background."""
        self._engine.warm_up()

    def start(self, name: str) -> None:
        """Run a training job, whose record must exist."""
        execution = Execution(self.context, self._engine, name)
        thread = threading.Thread(target=execution.run, name=f"job {name}", daemon=True)
        with self._lock:
            self._executions[name] = (execution, thread)
            thread.start()

    def stop(self, name: str) -> None:
        if execution := self._execution(name):
            execution.stop()

    def history(self, name: str, metric: str) -> list[float]:
        """The values of a metric that a training job has logged so far; empty for jobs of an earlier process."""
        execution = self._execution(name)
        return execution.history(metric) if execution else []

    def start_tuning(self, name: str, run: Callable[[], None]) -> None:
        """Run a tuning job; `run` starts training jobs itself, and returns when the context is ending."""
        thread = threading.Thread(target=run, name=f"tuning {name}", daemon=True)
        with self._lock:
            self._tuning = [*(known for known in self._tuning if known.is_alive()), thread]
            thread.start()

    def close(self) -> None:
        if engine := self.release():
            engine.close()

    def release(self) -> Engine | None:
        """End all jobs; returns the engine if none ran, to be reused: its imports took seconds."""
        jobs = self._stopped()
        if not any(thread.is_alive() for thread in jobs):
            return self._engine
        self._engine.close()
        for thread in jobs:
            thread.join()
        return None

    def _stopped(self) -> list[threading.Thread]:
        for tuning in self._tuning:
            tuning.join()
        with self._lock:
            jobs = list(self._executions.values())
        for execution, _ in jobs:
            execution.stop()
        return [thread for _, thread in jobs]

    def _execution(self, name: str) -> Execution | None:
        with self._lock:
            found = self._executions.get(name)
        return found[0] if found else None
