"""Values that are made when they are first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """May be asked from any thread: one makes the value, the others wait. A failure is tried again when asked again."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = threading.RLock()

    @classmethod
    def of(cls, value: T) -> Lazy[T]:
        """One that is made already."""
        made = cls(lambda: value)
        made.get()
        return made

    @property
    def is_made(self) -> bool:
        """Whether somebody has asked for it, with success."""
        return bool(self._made)

    def get(self) -> T:
        """The value; the same one each time."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]
