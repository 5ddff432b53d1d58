"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from heapq import nsmallest
from os.path import commonprefix

_LONGEST_COMPARED = 200
_MOST_STEPS = 1_000_000


def nearest(name: str, options: Iterable[str], *, most_edits: int | None = None) -> str | None:
    """The option with the fewest edits from `name`; None when even that one is too different, or has more than
    `most_edits`.

    An edit inserts, deletes or replaces a character, or swaps two neighbours. Case, and `-` for `_`, do not count. Of
    very many options only those with the longest common beginning are compared, and very long names not at all.
    """
    folded = _folded(name)
    near = _comparable(folded, (option for option in options if option != name))
    edits = {option: _edits(folded, _folded(option)) for option in near}
    if not edits:
        return None
    least = min(edits.values())
    if most_edits is not None and least > most_edits:
        return None
    closest = [option for option, count in edits.items() if count == least]
    option = max(closest, key=lambda o: SequenceMatcher(None, folded, _folded(o)).ratio())
    longest = max(len(name), len(option))
    return option if least <= max(1, (longest + 2) // 3) and least < longest else None


def _comparable(folded: str, options: Iterable[str]) -> list[str]:
    """The options worth counting edits for, so few that it takes less than a second."""
    if len(folded) > _LONGEST_COMPARED:
        return []
    most = _MOST_STEPS // (len(folded) + 1) ** 2
    # The difference in length is a lower bound of the edits, and a third of the length is too many.
    alike = [o for o in options if 3 * abs(len(o) - len(folded)) <= max(3, max(len(o), len(folded)) + 2)]
    if len(alike) > most:
        alike = nsmallest(most, alike, key=lambda o: (-len(commonprefix((folded, _folded(o)))), o))  # noqa: RUF071
    return sorted(alike)


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
