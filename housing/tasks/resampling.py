"""Draws of rows with replacement, and intervals from a metric's values over them: a percentile bootstrap (Efron and
Tibshirani 1993, chapter 13).

Of very many rows a draw takes `MOST_DRAWN`, and the spread of its values is scaled to that of all rows (m out of n:
Bickel, Götze and van Zwet 1997).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_DRAWN = 50_000
"""The maximum number of rows, or groups, of one draw."""

Draw = tuple["NDArray[np.float64]", "NDArray[np.int64]"]
"""Labels as metrics take them, and the row number of each."""


def row_draws(rows: int, count: int, *, seed: int) -> Iterator[NDArray[np.int64]]:
    """`count` draws of row numbers, each as many as there are rows, at most `MOST_DRAWN`."""
    import numpy as np

    # By numpy's policy RandomState's stream never changes: the same seed always draws the same rows.
    generator = np.random.RandomState(seed)
    return (generator.randint(0, rows, min(rows, MOST_DRAWN)) for _ in range(count))


def draws(label: NDArray[np.float64], count: int, *, seed: int) -> Iterator[Draw]:
    """`count` draws of as many rows as there are, at most `MOST_DRAWN`; for a label with groups, of as many groups.

    A group that is drawn twice counts as two groups.
    """
    if label.ndim == 1:
        return ((label[rows], rows) for rows in row_draws(len(label), count, seed=seed))
    return _group_draws(label, count, seed=seed)


def _group_draws(label: NDArray[np.float64], count: int, *, seed: int) -> Iterator[Draw]:
    import numpy as np

    _, group = np.unique(label[:, 1], return_inverse=True)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    for drawn in row_draws(len(sizes), count, seed=seed):
        many = sizes[drawn]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        rows = order[np.repeat(starts[drawn], many) + within]
        yield np.column_stack([label[rows, 0], np.repeat(np.arange(len(drawn)), many)]), rows


def units(label: NDArray[np.float64]) -> int:
    """The number of rows, or of groups, that `draws` draws from."""
    import numpy as np

    return len(label) if label.ndim == 1 else len(np.unique(label[:, 1]))


def scaled(
    values: Sequence[Any] | NDArray[np.float64], whole: float | NDArray[np.float64], drawn_from: int
) -> NDArray[np.float64]:
    """The values of draws, with the spread that draws of all `drawn_from` rows or groups would have.

    `whole` is the value over all of them; values may be (draws,) or (draws, points).
    """
    import numpy as np

    found = np.asarray(values, np.float64)
    return found if drawn_from <= MOST_DRAWN else whole + (found - whole) * (MOST_DRAWN / drawn_from) ** 0.5


def percentile_interval(values: Sequence[float] | NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """The interval's ends. NaN values are ignored; if all are NaN, both ends are NaN."""
    import numpy as np

    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return float("nan"), float("nan")
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(found, [tail, 100 - tail])
    return float(low), float(high)
