"""A function applied to many items, a few at a time, with the results in the items' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(act: Callable[[Item], Result], items: Iterable[Item], *, at_once: int) -> Generator[Result, None, None]:
    """Results of `act`, called in `at_once` threads; at most `at_once` + 1 items are taken ahead of the results."""
    with ThreadPoolExecutor(at_once) as pool:
        asked: deque[Future[Result]] = deque()
        try:
            for item in items:
                asked.append(pool.submit(act, item))
                if len(asked) > at_once:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            for one in asked:
                one.cancel()
