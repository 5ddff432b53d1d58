"""What it takes to fit one model by several processes together, each of which holds a part of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

Meeting = Mapping[str, int | str]
"""Where the processes of one fit find each other; it can be sent to them."""


@dataclass(frozen=True)
class Checkpoint:
    """A fit that is not done: the model so far, and what was measured after each of its rounds."""

    model: bytes
    history: Mapping[str, Mapping[str, Sequence[float]]]

    @property
    def rounds(self) -> int:
        """How many are done; 0 where nothing was measured."""
        return max((len(values) for metrics in self.history.values() for values in metrics.values()), default=0)


class Checkpoints(Protocol):
    """Of one fit: where it goes on, and where it leaves what it has."""

    @property
    def newest(self) -> Checkpoint | None:
        """None: it begins."""

    def keep(self, found: Checkpoint) -> None:
        """Called by one of the processes, every few rounds."""


@runtime_checkable
class CollectiveAlgorithm(Protocol):
    """A fitting algorithm that declares `collective`. Its `fit` takes `checkpoints`."""

    def meeting(self, workers: int, host: str) -> AbstractContextManager[Meeting]:
        """Opened by whoever starts the processes, on a `host` that they reach, for as long as they fit."""

    def joined(self, meeting: Meeting, rank: int) -> AbstractContextManager[None]:
        """Within it, what a process builds and fits is that of all of them; ranks count from 0."""
