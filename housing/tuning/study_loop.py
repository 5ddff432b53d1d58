"""The loop of a study: trials run elsewhere, this thread proposes them, learns from them and reports to the caller."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal

from housing.errors import BudgetRefused, CloudError, ConfigError, TrainingError
from housing.tuning.space import Point, identity
from housing.tuning.spec import Study
from housing.tuning.trial import Direction, Evaluation, FinishedTrial, Report, State, Trial, costs, dominates

if TYPE_CHECKING:
    from housing.tuning.sampler import Sampler

Evaluate = Callable[[Trial, Report], "Future[Evaluation]"]
"""Starts a trial and returns at once. The future's error, or this function's own, fails the trial and nothing else."""

Ended = Literal["trials", "exhausted", "time_limit", "patience", "interrupted"]
"""Why a study stopped: enough trials, no points left, out of time, no improvement, or asked to."""

_HOPELESS = 3
_HARMLESS = (BudgetRefused, CloudError, ConfigError)
"""Errors that prevent new trials from starting; running ones are left to end."""
_LONGEST_MESSAGE = 500


@dataclass(eq=False)
class _Running:
    """A trial that has been started; it is also the Report that the trial is given."""

    trial: Trial
    study: Study
    sampler: Sampler
    asked_to_stop: Callable[[], bool]
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    reports: dict[int, float] = field(default_factory=dict)
    pruned: bool = False

    def __call__(self, step: int, value: float) -> bool:
        if self.stopping():
            return True
        looks = self.study.fits > 1 or (step + 1) % self.study.prune_every == 0
        if self.study.pruner == "none" or not looks:
            return False
        self.reports[step] = value
        hopeless = self.sampler.report(self.trial.number, step, value)
        self.pruned = hopeless and not self.trial.configured  # the baseline of all others is trained to its end
        return self.pruned

    def stopping(self) -> bool:
        return self.pruned or self.asked_to_stop()

    def end(self, _future: Future[Evaluation]) -> None:
        self.ended = time.monotonic()


class StudyLoop:
    def __init__(
        self,
        study: Study,
        evaluate: Evaluate,
        *,
        sampler: Sampler,
        directions: tuple[Direction, ...],
        on_start: Callable[[Trial], None],
        on_end: Callable[[FinishedTrial], None],
    ) -> None:
        self.trials: list[FinishedTrial] = []
        self.interrupted = threading.Event()
        self._study = study
        self._evaluate = evaluate
        self._sampler = sampler
        self._directions = directions
        self._on_start = on_start
        self._on_end = on_end
        self._stopping = threading.Event()
        self._running: dict[Future[Evaluation], _Running] = {}
        self._front: list[tuple[float, ...]] = []
        self._counted = 0
        self._failures: Counter[frozenset[tuple[str, Any]]] = Counter()
        self._to_retry: dict[frozenset[tuple[str, Any]], Point] = {}
        self._since_better = 0
        self._any_complete = False
        self._failed = 0
        self._fatal: Exception | None = None
        self._ended: Ended | None = None
        self._began = time.monotonic()

    def run(self) -> tuple[Ended, float]:
        try:
            self._start_trials()
            while self._running:
                finished = [self._finish(future) for future in self._next_ended()]
                self._start_trials()
                for trial in finished:
                    self._on_end(trial)
        except BaseException as error:
            self._abandon()
            if isinstance(error, Exception):
                wait(self._running)
            raise
        if self._fatal is not None:
            raise self._fatal
        return self._ended or "trials", time.monotonic() - self._began

    def _next_ended(self) -> Sequence[Future[Evaluation]]:
        """Whatever ends first, in the order of numbers; in a reproducible study the oldest trial, and it alone.

        A proposal then knows exactly the trials `parallel` places before it, however fast each of them is.
        """
        by_number = sorted(self._running, key=lambda future: self._running[future].trial.number)
        if self._study.reproducible:
            wait(by_number[:1])
            return by_number[:1]
        done = wait(self._running, return_when=FIRST_COMPLETED).done
        return [future for future in by_number if future in done]

    def note(self, trial: FinishedTrial) -> None:
        """Count a finished trial, and check whether it is the best so far."""
        self.trials.append(trial)
        if trial.state == "interrupted" or self._is_to_retry(trial):
            return
        self._counted += 1
        self._since_better += 1
        if trial.state != "complete" or trial.values is None:
            return
        self._any_complete = True
        cost = costs(trial.values, self._directions)
        if not any(known == cost or dominates(known, cost) for known in self._front):
            self._front = [known for known in self._front if not dominates(cost, known)] + [cost]
            self._since_better = 0

    def _is_to_retry(self, trial: FinishedTrial) -> bool:
        """Whether it has failed and its point is to be tried again; noted, for the next trial to be started."""
        point = identity(trial.parameters)
        self._to_retry.pop(point, None)
        if trial.state != "failed":
            return False
        self._failures[point] += 1
        if self._failures[point] > self._study.retries:
            return False
        self._to_retry[point] = trial.parameters
        return True

    def _start_trials(self) -> None:
        for point in self._to_retry.values():
            self._sampler.again(point)
        self._to_retry.clear()
        while len(self._running) < self._study.parallel and self._may_start():
            trial = self._sampler.ask()
            if trial is None:
                self._ended = "exhausted"
                return
            self._on_start(trial)
            running = _Running(trial, self._study, self._sampler, self._asked_to_stop)
            future = self._submit(running)
            self._running[future] = running
            future.add_done_callback(running.end)

    def _may_start(self) -> bool:
        if self._counted >= self._study.trials or self._ended is not None:
            return False
        if self.interrupted.is_set():
            self._ended = "interrupted"
        elif self._study.patience is not None and self._since_better >= self._study.patience:
            self._ended = "patience"
        elif self._is_late():
            self._ended = "time_limit"
        if self.interrupted.is_set() or (self._fatal is not None and not isinstance(self._fatal, _HARMLESS)):
            self._abandon()
        may_start = self._ended is None and self._fatal is None
        return may_start and self._counted + len(self._running) < self._study.trials

    def _is_late(self) -> bool:
        limit = self._study.time_limit_s
        return limit is not None and time.monotonic() - self._began >= limit

    def _submit(self, running: _Running) -> Future[Evaluation]:
        try:
            return self._evaluate(running.trial, running)
        except Exception as error:
            failed: Future[Evaluation] = Future()
            failed.set_exception(error)
            return failed

    def _asked_to_stop(self) -> bool:
        return self._stopping.is_set() or self.interrupted.is_set()

    def _finish(self, future: Future[Evaluation]) -> FinishedTrial:
        running = self._running.pop(future)
        state, values, error = self._judge(future, running)
        trial = FinishedTrial(
            number=running.trial.number,
            parameters=running.trial.parameters,
            state=state,
            values=values,
            seconds=(running.ended or time.monotonic()) - running.started,
            error=error,
            reports=dict(running.reports),
            reused=state == "complete" and future.result().reused,
            fits=future.result().fits if state == "complete" else (),
        )
        self._sampler.tell(trial)
        self.note(trial)
        if (
            state == "failed"
            and identity(trial.parameters) not in self._to_retry
            and not self._any_complete
            and self._fatal is None
        ):
            self._fatal = self._hopeless(trial)
        return trial

    def _judge(
        self, future: Future[Evaluation], running: _Running
    ) -> tuple[State, tuple[float, ...] | None, str | None]:
        try:
            evaluation = future.result()
        except CancelledError:
            return "interrupted", None, None
        except _HARMLESS as error:
            # These say nothing about the trial: its job, if there is one, may still succeed.
            self._fatal = self._fatal or error
            return "interrupted", None, _line(error)
        except Exception as error:
            return "failed", None, _line(error)
        values = tuple(evaluation.values)
        if evaluation.stopped:
            return ("pruned" if running.pruned else "interrupted"), values or None, None
        if len(values) != len(self._directions):
            return "failed", None, f"{len(values):,} values for {len(self._directions)} objectives"
        broken = [f"{n} is {v}" for n, v in zip(self._study.objectives, values, strict=True) if not math.isfinite(v)]
        return ("failed", None, "; ".join(broken)) if broken else ("complete", values, None)

    def _hopeless(self, last: FinishedTrial) -> Exception | None:
        self._failed += 1
        if self._failed < min(max(_HOPELESS, self._study.parallel), self._study.trials):
            return None
        return TrainingError(
            f"study {self._study.name}: the first {self._failed} trials all failed, so no more were started; "
            f"trial {last.number} with {dict(last.parameters)}: {last.error}"
        )

    def _abandon(self) -> None:
        self._stopping.set()
        for future in list(self._running):
            future.cancel()


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


@contextmanager
def interrupt_as_event(event: threading.Event, decide: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Turn the first Ctrl-C into `event`, so that it never interrupts a callback that writes the record.

    `decide` is asked before: False takes the Ctrl-C back, and what it raises ends the block. Only the main thread hears
    signals; elsewhere, and where Ctrl-C is ignored, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        if decide():
            event.set()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
