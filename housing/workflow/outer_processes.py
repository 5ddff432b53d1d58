"""Outer parts in processes of their own: each has its interpreter, its threads and its connection to the record."""

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
    """Calls a function for each of the arguments, `count` at once; yields the place and the result as they end.

    When the block ends early, processes are asked to end as by Ctrl-C, and waited for.
    """
    # Not forked: threads of a library that hold a lock meanwhile would hold it for ever.
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
    # A pool hands out calls before they are due, and takes a KeyboardInterrupt for the result of one.
    if _ending.is_set():
        raise KeyboardInterrupt
    return call(*arguments)


def _end_when_asked() -> None:
    def interrupt(_number: int, _frame: object) -> None:
        _ending.set()
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
