"""Labels that look like classes."""

from __future__ import annotations

from collections.abc import Sequence

from housing.data.cells import text_of

MOST_CLASSES = 10
"""More different values than these are not taken for classes."""


def regression_of_classes(values: Sequence[float]) -> str:
    """What to say of a label whose few values look like classes; empty for any other."""
    distinct = sorted(set(values))
    few = len(distinct) == 2 or (len(distinct) <= MOST_CLASSES and all(value.is_integer() for value in distinct))
    if len(distinct) < 2 or not few or len(values) < 3 * len(distinct):
        return ""
    *first, last = map(text_of, distinct)
    return (
        f"the label has {len(distinct)} values, {', '.join(first)} and {last}: housing fits regression, "
        "its predictions are numbers between them and not classes"
    )
