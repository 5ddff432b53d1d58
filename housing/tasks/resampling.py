"""Draws of rows with replacement, and what a metric's values over them say: a percentile bootstrap (Efron and
Tibshirani 1993, chapter 13)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def draws(rows: int, count: int, *, seed: int) -> Iterator[NDArray[np.int64]]:
    """`count` times as many row numbers as there are rows."""
    import numpy as np

    # RandomState's stream is frozen by numpy's policy: the same seed draws the same rows for ever.
    generator = np.random.RandomState(seed)
    return (generator.randint(0, rows, rows) for _ in range(count))


def percentile_interval(values: Sequence[float] | NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Its ends. Draws without a value do not count; where none has one, both ends are NaN."""
    import numpy as np

    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return float("nan"), float("nan")
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(found, [tail, 100 - tail])
    return float(low), float(high)
