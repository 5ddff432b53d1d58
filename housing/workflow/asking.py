"""Pieces of rows, asked of an endpoint one after the other, with the next on their way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from housing.targets.base import Prediction

_ASKED_AT_ONCE = 2


def in_turn(ask: Callable[[str], Prediction], pieces: Iterator[str]) -> Iterator[Prediction]:
    """What was answered to each piece, in their order; the next are read and asked while one is answered."""
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        asked: deque[Future[Prediction]] = deque()
        try:
            for piece in pieces:
                asked.append(pool.submit(ask, piece))
                if len(asked) > _ASKED_AT_ONCE:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            for one in asked:
                one.cancel()
