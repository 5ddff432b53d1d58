"""Evaluations of trials for tests: immediate, or round by round."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from housing.tuning.space import Point
from housing.tuning.study_loop import Evaluate
from housing.tuning.trial import Evaluation, Report, Trial


def at_once(loss: Callable[[Point], float | tuple[float, ...]]) -> Evaluate:
    """Every trial has ended when `evaluate` returns."""

    def evaluate(trial: Trial, _report: Report) -> Future[Evaluation]:
        future: Future[Evaluation] = Future()
        try:
            future.set_result(Evaluation(_values(loss(trial.parameters))))
        except Exception as error:
            future.set_exception(error)
        return future

    return evaluate


def curves(curve: Callable[[Point, int], float], *, rounds: int, trained: list[int] | None = None) -> Evaluate:
    """Every trial reports round by round until asked to stop; the number of its rounds is appended to `trained`."""

    def evaluate(trial: Trial, report: Report) -> Future[Evaluation]:
        future: Future[Evaluation] = Future()
        best = float("inf")
        stopped = False
        done = 0
        while done < rounds and not stopped:
            value = curve(trial.parameters, done)
            best = min(best, value)
            stopped = report(done, value)
            done += 1
        if trained is not None:
            trained.append(done)
        future.set_result(Evaluation((best,), stopped=stopped))
        return future

    return evaluate


@contextmanager
def in_threads(work: Callable[[Trial, Report], Evaluation], threads: int) -> Iterator[Evaluate]:
    with ThreadPoolExecutor(threads) as pool:
        yield lambda trial, report: pool.submit(work, trial, report)


def _values(loss: float | tuple[float, ...]) -> tuple[float, ...]:
    return loss if isinstance(loss, tuple) else (loss,)
