"""Reads the rounds of training from the built-in container's log: each once, even if it is restarted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_ROUND = re.compile(r"\[(\d+)\]((?:(?:#011|\t)[^\s#:]+:[^\s#]+)+)\s*$")
_METRIC = re.compile(r"(?:#011|\t)(train|validation)-([^\s#:]+):([^\s#]+)")
_RESUMED = re.compile(r"Resuming from iteration (\d+)")


class LoggedRounds:
    """The rounds that one job has logged so far.

    The built-in container numbers its rounds from 0 whenever it starts, and logs before that which round it resumes
    from. An interrupted job logs repeated rounds again; each is reported once.
    """

    def __init__(self, *, metrics: Mapping[str, str], suffix: str = "") -> None:
        """`metrics`: our names by the container's, for those to keep (it also logs the objective's own).

        `suffix` is appended to each of ours.
        """
        self._metrics = dict(metrics)
        self._suffix = suffix
        self._offset = 0
        self._resumed_at: int | None = None
        self._rounds: dict[int, Mapping[str, float]] = {}

    def begin(self) -> None:
        """A container has started: it counts from 0, unless it logs otherwise."""
        self._offset, self._resumed_at = 0, None

    def add(self, number: int, values: Mapping[str, float]) -> list[tuple[int, Mapping[str, float]]]:
        """Add a round's values; returns nothing if this round, or a later one, is already known."""
        if number <= self.newest:
            return []
        self._rounds[number] = values
        return [(number, values)]

    def read(self, line: str) -> list[tuple[int, Mapping[str, float]]]:
        """The round that the line reports, if any, and if it is new."""
        if resumed := _RESUMED.search(line):
            self._resumed_at = int(resumed[1])
        found = _ROUND.match(line)
        if found is None:
            return []
        counted = int(found[1])
        if self._resumed_at is not None:
            # A container that continues the numbering begins with the round that it has logged.
            self._offset = self._resumed_at if counted < self._resumed_at else 0
            self._resumed_at = None
        values = {
            f"{channel}_{self._metrics[metric]}{self._suffix}": float(value)
            for channel, metric, value in _METRIC.findall(found[2])
            if metric in self._metrics
        }
        number = counted + self._offset
        return self.add(number, values)

    def fill(self, history: Mapping[str, Sequence[float]]) -> None:
        """Add rounds that no line has reported, such as the first one of a spot job."""
        for number, values in enumerate(zip(*history.values(), strict=False)):
            told = dict(zip(history, values, strict=True))
            self._rounds.setdefault(number, {name: told[name] for name in told if name.endswith(self._suffix)})

    def end(self) -> list[tuple[int, Mapping[str, float]]]:
        """Nothing: each line is a complete round."""
        return []

    @property
    def newest(self) -> int:
        """The number of the newest round; -1 before the first."""
        return max(self._rounds, default=-1)

    @property
    def known(self) -> Mapping[int, Mapping[str, float]]:
        """The metrics of each round that was reported, by number."""
        return self._rounds

    @property
    def is_whole(self) -> bool:
        """Whether no round before the newest is missing."""
        return len(self._rounds) == self.newest + 1

    def history(self) -> dict[str, Sequence[float]]:
        """One value per round of each metric that all rounds have; empty when a round is missing."""
        if not self._rounds or not self.is_whole:
            return {}
        names = set.intersection(*(set(values) for values in self._rounds.values()))
        first = self._rounds[0]
        return {name: list(self._values(name)) for name in first if name in names}

    def _values(self, name: str) -> Iterator[float]:
        return (self._rounds[number][name] for number in sorted(self._rounds))
