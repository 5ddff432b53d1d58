"""Rounds of training, out of the lines that a user's code prints: each once, whatever began anew meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from housing.training.printed import PrintedMetrics


class PrintedRounds:
    """The metrics that a user's code prints. One that was interrupted prints again what it trains again."""

    def __init__(self, patterns: Mapping[str, str], channels: Iterable[str]) -> None:
        self._patterns, self._channels = patterns, list(channels)
        self._told = -1
        self.begin()

    def begin(self) -> None:
        """It counts from 0 again."""
        self._printed = PrintedMetrics(self._patterns, self._channels)

    def read(self, line: str) -> list[tuple[int, Mapping[str, float]]]:
        """Raises TrainingError for what is no number."""
        return self._new(self._printed.read(line))

    def end(self) -> list[tuple[int, Mapping[str, float]]]:
        """The round that was under way."""
        return self._new(self._printed.end())

    def fill(self, history: Mapping[str, Sequence[float]]) -> None:
        """Nothing: only the code itself knows what it has printed."""

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
