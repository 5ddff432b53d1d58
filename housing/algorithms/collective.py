"""Fitting one model in several processes together, each of which holds a part of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

Meeting = Mapping[str, int | str]
"""Where the processes of one fit find each other; can be pickled and sent to them."""


@dataclass(frozen=True)
class Checkpoint:
    """An unfinished fit: the model so far, and what was measured after each of its rounds."""

    model: bytes
    history: Mapping[str, Mapping[str, Sequence[float]]]

    @property
    def rounds(self) -> int:
        """How many rounds are done; 0 where nothing was measured."""
        return max((len(values) for metrics in self.history.values() for values in metrics.values()), default=0)


class Checkpoints(Protocol):
    """The checkpoints of one fit: it resumes from the newest, and saves new ones."""

    @property
    def newest(self) -> Checkpoint | None:
        """None: the fit starts from the beginning."""

    def keep(self, found: Checkpoint) -> None:
        """Save a checkpoint; called every few rounds, by one of the processes."""


@runtime_checkable
class CollectiveAlgorithm(Protocol):
    """A fitting algorithm that declares `collective`. Its `fit` takes `checkpoints`."""

    def meeting(self, workers: int, host: str) -> AbstractContextManager[Meeting]:
        """Held open by the process that starts the others, on a `host` that they can reach, for as long as they fit."""

    def joined(self, meeting: Meeting, rank: int) -> AbstractContextManager[None]:
        """Within it, a process builds its matrices and fits together with all the others; ranks count from 0."""
