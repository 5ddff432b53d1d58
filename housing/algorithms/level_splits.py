"""A split by a set of levels, rewritten as splits by thresholds: levels are whole numbers, so a set is a few ranges.

The range that a value is in is found by bisection. All splits that lead to one side lead to the same node, so no
subtree is copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from housing.algorithms.trees import Node


def ranges(levels: Iterable[int], *, zero_from: float = 0.0) -> list[float]:
    """Where the ranges of a set begin and end, ascending. `zero_from` is the least number that is read as level 0."""
    found: list[float] = []
    for level in sorted(set(levels)):
        begin = zero_from if level == 0 else float(level)
        if found and found[-1] == begin:
            found[-1] = level + 1.0
        else:
            found += [begin, level + 1.0]
    return found


def nodes(
    feature: int, borders: Sequence[float], *, within: int, beside: int, missing_within: bool, free: int
) -> list[Node]:
    """The first node replaces the split; the others are to be put at the indices of the tree from `free` on.

    `within` and `beside` are the nodes that rows in the set, and all others, go to.
    """
    if not borders:
        return [Node(feature, math.inf, beside, within, missing_left=not missing_within)]
    found: list[Node] = []
    # Intervals between borders are alternately beside and within the set; missing values are treated as one of the
    # first two.
    missing_part = int(missing_within)

    def part(first: int, last: int) -> int:
        if first == last:
            return within if first % 2 else beside
        place = len(found)
        middle = (first + last) // 2
        found.append(Node(feature, borders[middle], 0, 0, missing_left=missing_part <= middle))
        found[place] = replace(found[place], left=part(first, middle), right=part(middle + 1, last))
        return free + place - 1

    part(0, len(borders))
    return found
