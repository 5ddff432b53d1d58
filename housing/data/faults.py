"""Collects everything that is wrong with one file into one error of bounded length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from housing.errors import DataError, DataFault
from housing.secrets import masked

Name = TypeVar("Name", bound=Hashable)

_SHOWN_FAULTS = 20
_SHOWN_EXAMPLES = 3


class Faults:
    """Faults of one source, in the order found. The same fault in many places is one fault with a count."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}
        self._ways_out: dict[str, str] = {}

    def add(self, fault: str, *, example: str | Callable[[], str] = "", way_out: str = "", times: int = 1) -> None:
        """Count a fault `times` times; `example` is one place where it occurs, `way_out` what to do about it.

        An example that is slow to format may be a function: only the first few are shown.
        """
        self._counts[fault] = self._counts.get(fault, 0) + times
        self._ways_out[fault] = way_out
        examples = self._examples.setdefault(fault, [])
        if example and len(examples) < _SHOWN_EXAMPLES:
            examples.append(example if isinstance(example, str) else example())

    def raise_any(self) -> None:
        """Raise a DataError that lists all faults; do nothing when there are none."""
        if not self._counts:
            return
        lines = [self._line(fault) for fault in list(self._counts)[:_SHOWN_FAULTS]]
        if (more := len(self._counts) - len(lines)) > 0:
            lines.append(f"and {more:,} more")
        text = f"{len(self._counts):,} faults\n  " + "\n  ".join(lines) if len(lines) > 1 else lines[0]
        error = DataError(f"{self.source}: {text}")
        error.faults = tuple(
            DataFault(masked(fault), count, tuple(map(masked, self._examples[fault])), masked(self._ways_out[fault]))
            for fault, count in self._counts.items()
        )
        raise error

    def _line(self, fault: str) -> str:
        count, examples, way_out = self._counts[fault], self._examples[fault], self._ways_out[fault]
        times = f", {count:,} times" if count > 1 else ""
        places = f": {', '.join(examples)}{', ...' if count > len(examples) else ''}" if examples else ""
        return fault + times + places + (f"; {way_out}" if way_out else "")


def repeated(names: Iterable[Name]) -> list[Name]:
    """The names that occur more than once, in the order of their first occurrence."""
    return [name for name, times in Counter(names).items() if times > 1]


def shown(value: object, limit: int = 40) -> str:
    """A value quoted for a message, cut to `limit` characters."""
    text = "null" if value is None else repr(value)
    return text if len(text) <= limit else text[: limit - 4] + "..." + text[0]


def listed(values: Iterable[object], limit: int = 5) -> str:
    """The first few values, and how many more there are."""
    values = list(values)
    more = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(shown(value) for value in values[:limit]) + more
