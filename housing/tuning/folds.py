"""A trial of several fits, with different folds or seeds, one after another; the pruner gets the mean so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from statistics import fmean

from housing.tuning.trial import Evaluation, Report


def evaluate_folds(
    submit: Callable[[int, Report], Future[Evaluation]], *, folds: int, report: Report
) -> Future[Evaluation]:
    """The mean of each value over folds 0 to `folds` - 1; after pruning, further folds are not started.

    `submit` starts one fold and may be called from the thread that ended the one before. The report it is given stops a
    fold only when the study stops: rounds of different folds cannot be compared.
    """
    whole = _Folds(submit, folds, report)
    whole.start_next()
    return whole.future


class _Folds:
    def __init__(self, submit: Callable[[int, Report], Future[Evaluation]], folds: int, report: Report) -> None:
        self.future: Future[Evaluation] = Future()
        # It cannot be cancelled: the running fold is asked to stop instead, which ends it.
        self.future.set_running_or_notify_cancel()
        self._submit = submit
        self._folds = folds
        self._report = report
        self._done: list[tuple[float, ...]] = []

    def start_next(self) -> None:
        try:
            fold = self._submit(len(self._done), _OnlyStop(self._report))
        except Exception as error:
            self.future.set_exception(error)
        else:
            fold.add_done_callback(self._take)

    def _take(self, fold: Future[Evaluation]) -> None:
        error = CancelledError() if fold.cancelled() else fold.exception()
        if error is not None:
            self.future.set_exception(error)
            return
        evaluation = fold.result()
        if evaluation.stopped:
            self.future.set_result(Evaluation(_means(self._done), stopped=True))
            return
        self._done.append(evaluation.values)
        means = _means(self._done)
        if len(self._done) == self._folds:
            self.future.set_result(Evaluation(means, fits=tuple(values[0] for values in self._done)))
        elif self._report(len(self._done) - 1, means[0]):
            self.future.set_result(Evaluation(means, stopped=True))
        else:
            self.start_next()


@dataclass(frozen=True)
class _OnlyStop:
    whole: Report

    def __call__(self, step: int, value: float) -> bool:  # noqa: ARG002
        return self.whole.stopping()

    def stopping(self) -> bool:
        return self.whole.stopping()


def _means(values: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    # As the record computes it: to the last bit, or the best of two equal trials would be chosen by rounding.
    return tuple(fmean(each) for each in zip(*values, strict=True))
