"""Run a study: propose, have it evaluated elsewhere, learn, until there is a reason to stop."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Literal

from housing.errors import BudgetRefused, ConfigError, TrainingError
from housing.tuning.space import Point, SearchSpace
from housing.tuning.spec import Study, faults, point_faults
from housing.tuning.trial import Direction, Evaluation, FinishedTrial, Report, State, Trial, costs, dominates

if TYPE_CHECKING:
    from housing.tuning.sampler import Sampler

Evaluate = Callable[[Trial, Report], "Future[Evaluation]"]
"""Starts a trial and returns at once. The future's error, or this function's own, fails the trial and nothing else."""

Ended = Literal["trials", "exhausted", "time_limit", "patience", "interrupted"]
"""Why a study stopped: it has its trials, its space has no other points, no time, no luck, or it was told to."""

_HOPELESS = 3
_LONGEST_MESSAGE = 500


@dataclass(frozen=True)
class StudyResult:
    """`trials` are in the order of their numbers, those of earlier sessions included; `seconds` are this session's."""

    space: SearchSpace
    directions: tuple[Direction, ...]
    trials: tuple[FinishedTrial, ...]
    ended: Ended
    seconds: float

    @property
    def best(self) -> FinishedTrial | None:
        """The best complete trial by the first objective, the first of equals; None when none is complete."""
        return min(self._complete(), key=lambda t: self._costs(t)[0], default=None)

    @property
    def front(self) -> tuple[FinishedTrial, ...]:
        """The complete trials that no other one beats in one objective without losing in another."""
        complete = self._complete()
        return tuple(t for t in complete if not any(dominates(self._costs(o), self._costs(t)) for o in complete))

    def importances(self) -> dict[str, float]:
        """How much each parameter decided which trials were good: shares that sum to 1, largest first.

        Empty with fewer than ten complete trials: there is nothing to tell from so few.
        """
        from housing.tuning.importance import importances

        return importances(self.space, self._complete(), self.directions)

    def _complete(self) -> list[FinishedTrial]:
        return [t for t in self.trials if t.state == "complete"]

    def _costs(self, trial: FinishedTrial) -> tuple[float, ...]:
        return costs(trial.values or (), self.directions)


def search(
    space: SearchSpace,
    study: Study,
    evaluate: Evaluate,
    *,
    seed: int,
    directions: Sequence[Direction] = ("minimize",),
    past: Sequence[FinishedTrial] = (),
    known: Sequence[Point] | None = None,
    rounds: int | None = None,
    on_start: Callable[[Trial], None] = lambda _: None,
    on_end: Callable[[FinishedTrial], None] = lambda _: None,
) -> StudyResult:
    """Evaluate `study.trials` points of the space, `study.parallel` at once.

    Proposals and callbacks happen on the calling thread; where a trial ends, the next one starts before `on_end` hears
    of it. The same seed gives the same study when trials end in the same order, so always with `parallel: 1`.

    `past` trials count towards `study.trials` (interrupted ones do not) and are never proposed again in a space whose
    points can be listed. `known` points are tried first (None: those of `study.start_from`). `rounds` is the most that
    a trial reports; hyperband plans with it, or learns it from the first complete trial.

    The first Ctrl-C asks the running trials to stop at their next report, hands them to `on_end` and returns; the
    second raises KeyboardInterrupt at once. Raises ConfigError where space, study and points do not fit together,
    TrainingError when the first few trials all fail, and what BudgetRefused or a callback raises, after the running
    trials have stopped.
    """
    if known is None:
        if isinstance(study.start_from, str):
            raise ConfigError(
                f"study.start_from: the points of {study.start_from!r} must be looked up before the study"
            )
        known = study.start_from
    _refuse_misfits(space, study, directions=directions, known=known)
    from housing.tuning.sampler import Sampler

    counted = sorted((t for t in past if t.state != "interrupted"), key=lambda t: t.number)
    sampler = Sampler(space, study, seed=seed, directions=tuple(directions), past=counted, known=known, rounds=rounds)
    session = _Session(study, evaluate, sampler=sampler, directions=tuple(directions), on_start=on_start, on_end=on_end)
    for trial in counted:
        session.note(trial)
    with _interrupt_as_event(session.interrupted):
        ended, seconds = session.run()
    trials = tuple(sorted(session.trials, key=lambda t: t.number))
    return StudyResult(space, tuple(directions), trials, ended, seconds)


@dataclass(eq=False)
class _Running:
    trial: Trial
    started: float
    reports: dict[int, float] = field(default_factory=dict)
    pruned: bool = False
    ended: float | None = None

    def end(self, _future: Future[Evaluation]) -> None:
        self.ended = time.monotonic()


class _Session:
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
        self._since_better = 0
        self._any_complete = False
        self._fatal: Exception | None = None
        self._ended: Ended | None = None
        self._began = time.monotonic()

    def run(self) -> tuple[Ended, float]:
        try:
            self._start_trials()
            while self._running:
                done = wait(self._running, return_when=FIRST_COMPLETED).done
                finished = sorted((self._finish(future) for future in done), key=lambda t: t.number)
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

    def note(self, trial: FinishedTrial) -> None:
        """Count a finished trial, and see whether it is better than all before."""
        self.trials.append(trial)
        if trial.state == "interrupted":
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

    def _start_trials(self) -> None:
        while len(self._running) < self._study.parallel and self._may_start():
            trial = self._sampler.ask()
            if trial is None:
                self._ended = "exhausted"
                return
            self._on_start(trial)
            running = _Running(trial, started=time.monotonic())
            future = self._submit(running)
            self._running[future] = running
            future.add_done_callback(running.end)

    def _may_start(self) -> bool:
        if self.interrupted.is_set():
            self._ended = "interrupted"
            self._abandon()
        elif self._fatal is not None:
            self._abandon()
        elif self._ended is None:
            limit = self._study.time_limit_s
            if self._study.patience is not None and self._since_better >= self._study.patience:
                self._ended = "patience"
            elif self._counted + len(self._running) >= self._study.trials:
                return False
            elif limit is not None and time.monotonic() - self._began >= limit:
                self._ended = "time_limit"
        return self._ended is None and self._fatal is None

    def _submit(self, running: _Running) -> Future[Evaluation]:
        def report(round_number: int, value: float) -> bool:
            if self._stopping.is_set() or self.interrupted.is_set():
                return True
            if self._study.pruner == "none" or (
                self._study.folds == 1 and (round_number + 1) % self._study.prune_every != 0
            ):
                return False
            running.reports[round_number] = value
            running.pruned = self._sampler.report(running.trial.number, round_number, value)
            return running.pruned

        try:
            return self._evaluate(running.trial, report)
        except Exception as error:
            failed: Future[Evaluation] = Future()
            failed.set_exception(error)
            return failed

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
        )
        self._sampler.tell(trial)
        self.note(trial)
        if state == "failed" and not self._any_complete and self._fatal is None:
            self._fatal = self._hopeless(trial)
        return trial

    def _judge(
        self, future: Future[Evaluation], running: _Running
    ) -> tuple[State, tuple[float, ...] | None, str | None]:
        try:
            evaluation = future.result()
        except CancelledError:
            return "interrupted", None, None
        except BudgetRefused as error:
            self._fatal = self._fatal or error
            return "failed", None, _line(error)
        except Exception as error:
            return "failed", None, _line(error)
        values = tuple(evaluation.values)
        if evaluation.stopped:
            return ("pruned" if running.pruned else "interrupted"), values or None, None
        if len(values) != len(self._directions):
            return "failed", None, f"{len(values)} values for {len(self._directions)} objectives"
        broken = [f"{n} is {v}" for n, v in zip(self._study.objectives, values, strict=True) if not math.isfinite(v)]
        return ("failed", None, "; ".join(broken)) if broken else ("complete", values, None)

    def _hopeless(self, last: FinishedTrial) -> Exception | None:
        failed = sum(t.state == "failed" for t in self.trials)
        if failed < min(max(_HOPELESS, self._study.parallel), self._study.trials):
            return None
        return TrainingError(
            f"study {self._study.name}: the first {failed} trials all failed, so no more were started; "
            f"trial {last.number} with {dict(last.parameters)}: {last.error}"
        )

    def _abandon(self) -> None:
        self._stopping.set()
        for future in list(self._running):
            future.cancel()


def _refuse_misfits(
    space: SearchSpace, study: Study, *, directions: Sequence[Direction], known: Sequence[Point]
) -> None:
    found = faults(study, space)
    if not found:
        found = [f"known point {i}: {fault}" for i, point in enumerate(known) for fault in point_faults(point, space)]
    if len(directions) != len(study.objectives):
        found.append(f"study.objective: {len(study.objectives)} objectives have {len(directions)} directions")
    if found:
        raise ConfigError("\n".join(found))


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


@contextmanager
def _interrupt_as_event(event: threading.Event) -> Iterator[None]:
    """Turn the first Ctrl-C into `event`, so that it never tears a callback that writes the record.

    Only the main thread hears signals; elsewhere, and where Ctrl-C is ignored, nothing changes.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield
        return

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
