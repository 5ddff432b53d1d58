"""Runs outer parts in separate processes: each has its interpreter, its threads and its connection to the record."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from multiprocessing import active_children, get_context
from typing import Any

Submit = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[tuple[int, Any]]]

_ending = threading.Event()
"""Set in a process that was asked to end."""


@contextmanager
def processes(count: int) -> Iterator[Submit]:
    """A function that calls another for each argument, `count` at once, and yields index and result as they end.

    If the block ends early, processes are interrupted as by Ctrl-C, and waited for.
    """
    # Not forked: a lock held by another thread would stay locked in the child for ever.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_end_when_asked)

    def submit(call: Callable[..., Any], each: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        futures: dict[Future[Any], int] = {
            pool.submit(_unless_ending, call, arguments): n for n, arguments in enumerate(each)
        }
        for future in as_completed(futures):
            yield futures[future], future.result()

    try:
        yield submit
    except BaseException:
        for child in active_children():
            with suppress(ProcessLookupError, TypeError):
                os.kill(child.pid, signal.SIGTERM)  # type: ignore[arg-type]
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _unless_ending(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    # A pool queues calls in advance, and treats a KeyboardInterrupt as the result of one.
    if _ending.is_set():
        raise KeyboardInterrupt
    return call(*arguments)


def _end_when_asked() -> None:
    def interrupt(_number: int, _frame: object) -> None:
        _ending.set()
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
