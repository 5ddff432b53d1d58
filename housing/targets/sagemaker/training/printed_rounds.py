"""Reads the rounds of training from the lines that a user's code prints: each once, even if it is restarted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from housing.training.printed import PrintedMetrics


class PrintedRounds:
    """The metrics that a user's code prints. Code that was interrupted prints repeated rounds again."""

    def __init__(self, patterns: Mapping[str, str], channels: Iterable[str]) -> None:
        self._patterns, self._channels = patterns, list(channels)
        self._told = -1
        self.begin()

    def begin(self) -> None:
        """The code has started: it counts from 0 again."""
        self._printed = PrintedMetrics(self._patterns, self._channels)

    def read(self, line: str) -> list[tuple[int, Mapping[str, float]]]:
        """The rounds that this line completes. Raises TrainingError for a value that is not a number."""
        return self._new(self._printed.read(line))

    def end(self) -> list[tuple[int, Mapping[str, float]]]:
        """The last, unfinished round."""
        return self._new(self._printed.end())

    def fill(self, history: Mapping[str, Sequence[float]]) -> None:
        """Does nothing: only the code itself can say what its metrics are."""

    @property
    def newest(self) -> int:
        """The number of the newest round; -1 before the first."""
        return self._told

    @property
    def known(self) -> Mapping[int, Mapping[str, float]]:
        """What was printed since the last start."""
        columns = self.history()
        return {
            number: dict(zip(columns, values, strict=True))
            for number, values in enumerate(zip(*columns.values(), strict=False))
        }

    def history(self) -> Mapping[str, Sequence[float]]:
        """What was printed since the last start."""
        return {name: list(values) for name, values in self._printed.history.items() if values}

    def _new(self, found: list[tuple[int, Mapping[str, float]]]) -> list[tuple[int, Mapping[str, float]]]:
        new = [(number, values) for number, values in found if number > self._told]
        self._told = max((number for number, _ in new), default=self._told)
        return new
