"""Metrics that a job prints, found in its lines by regular expressions, as SageMaker finds them in logs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from housing.errors import TrainingError


class PrintedMetrics:
    """Reads a job's output line by line. A round has one value of each metric; a repeated one begins the next round.

    A metric's name begins with its channel (`validation_mae`); those of channels that the job lacks are not expected.
    """

    def __init__(self, patterns: Mapping[str, str], channels: Iterable[str]) -> None:
        prefixes = tuple(f"{channel}_" for channel in channels)
        self._patterns = {name: re.compile(text) for name, text in patterns.items() if name.startswith(prefixes)}
        self._history: dict[str, list[float]] = {name: [] for name in self._patterns}
        self._round: dict[str, float] = {}
        self._rounds = 0

    @property
    def history(self) -> Mapping[str, Sequence[float]]:
        """The values of each metric so far, in the order in which they were printed."""
        return self._history

    def read(self, line: str) -> list[tuple[int, Mapping[str, float]]]:
        """The rounds that this line completes, by number from 0; raises TrainingError for a value that is no number."""
        completed = []
        for name, pattern in self._patterns.items():
            if (found := pattern.search(line)) is None:
                continue
            value = _number(name, found)
            if name in self._round:
                completed += self.end()
            self._round[name] = value
            self._history[name].append(value)
        if len(self._round) == len(self._patterns):
            completed += self.end()
        return completed

    def end(self) -> list[tuple[int, Mapping[str, float]]]:
        """The last, unfinished round, if there is one."""
        if not self._round:
            return []
        completed = (self._rounds, self._round)
        self._rounds, self._round = self._rounds + 1, {}
        return [completed]

    @property
    def missing(self) -> list[str]:
        """The metrics that were never printed, each with its pattern."""
        return [f"{name} ({p.pattern})" for name, p in self._patterns.items() if not self._history[name]]

    @property
    def last(self) -> Mapping[str, float]:
        """The newest value of each metric: the last one printed is that of the model that was kept."""
        return {name: values[-1] for name, values in self._history.items() if values}


def _number(name: str, found: re.Match[str]) -> float:
    try:
        return float(found[1])
    except ValueError:
        raise TrainingError(
            f"the pattern of {name}, {found.re.pattern}, finds {found[1]!r}, which is not a number"
        ) from None
