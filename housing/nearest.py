"""The name that somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


def nearest(name: str, options: Iterable[str]) -> str | None:
    """The option fewest edits away; None when even that one is a different word.

    An edit inserts, deletes or replaces a character, or swaps two neighbours. Case and `-` for `_` are free.
    """
    folded = _folded(name)
    edits = {option: _edits(folded, _folded(option)) for option in sorted(options) if option != name}
    if not edits:
        return None
    least = min(edits.values())
    closest = [option for option, count in edits.items() if count == least]
    option = max(closest, key=lambda o: SequenceMatcher(None, folded, _folded(o)).ratio())
    longest = max(len(name), len(option))
    return option if least <= max(1, (longest + 2) // 3) and least < longest else None


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")


def _edits(a: str, b: str) -> int:
    """Optimal string alignment distance."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        row = [i]
        for j, y in enumerate(b, start=1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]
