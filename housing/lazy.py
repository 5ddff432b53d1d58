"""Values that are computed when first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Safe to call from any thread: one computes the value, the others wait. After a failure, the next call tries
    again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = threading.RLock()

    @classmethod
    def of(cls, value: T) -> Lazy[T]:
        """One whose value is given."""
        made = cls(lambda: value)
        made.get()
        return made

    @property
    def is_made(self) -> bool:
        """Whether the value has been computed."""
        return bool(self._made)

    def get(self) -> T:
        """The value; the same one each time."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]
