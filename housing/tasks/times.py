"""What tasks of times to an event share.

A label is the time after which a row's event was seen. For a censored row, whose event had not been seen by then, it is
the negative time, as in `survival:cox`. Times are positive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from housing.tasks.base import DatasetKey, Metric, Task
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _concordance_of_risks(label: NDArray[np.float64], predictions: Predictions) -> float:
    return concordance(label, predictions.values)


def _concordance_of_times(label: NDArray[np.float64], predictions: Predictions) -> float:
    return concordance(label, -predictions.values)


def concordance(label: NDArray[np.float64], risk: NDArray[np.float64]) -> float:
    """Harrell's C: the share of pairs with a known order of events in which the earlier event had the higher risk.

    Equal risks count half. NaN if there is no such pair.
    """
    import numpy as np

    time, seen = abs(label), label > 0
    # The longest first; among equal times the censored ones first, as they outlast those whose event was seen.
    order = np.lexsort((seen, -time))
    time, seen, rank = time[order], seen[order], np.unique(risk[order], return_inverse=True)[1]
    asked = np.flatnonzero(seen)
    # The rows that outlast an event come before the first event of the same time.
    first = np.searchsorted(-time + 0.0, -time[asked], side="left")
    censored = np.concatenate([[0], np.cumsum(~seen)])
    last = np.searchsorted(-time + 0.0, -time[asked], side="right")
    outlasting = first + censored[last] - censored[first]
    lower, equal = _ranked_before(rank, outlasting, rank[asked])
    pairs = int(outlasting.sum())
    return float((lower.sum() + equal.sum() / 2) / pairs) if pairs else float("nan")


def _ranked_before(
    rank: NDArray[np.int64], ends: NDArray[np.int64], asked: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many of the first `ends` ranks are below each one asked for, and how many are equal to it.

    A wavelet matrix (Claude, Navarro and Ordóñez 2015): bit by bit, for all rows at once; comparing each pair would
    take quadratic time.
    """
    import numpy as np

    start, end = np.zeros_like(ends), ends.copy()
    lower = np.zeros_like(ends)
    for bit in reversed(range(int(rank.max(initial=0)).bit_length())):
        ones = (rank >> bit) & 1
        zeros = np.concatenate([[0], np.cumsum(1 - ones)])
        wants_one = ((asked >> bit) & 1).astype(bool)
        zeros_before, zeros_until = zeros[start], zeros[end]
        lower += np.where(wants_one, zeros_until - zeros_before, 0)
        start = np.where(wants_one, zeros[-1] + start - zeros_before, zeros_before)
        end = np.where(wants_one, zeros[-1] + end - zeros_until, zeros_until)
        rank = np.concatenate([rank[ones == 0], rank[ones == 1]])
    return lower, end - start


def _no_pairs(label: NDArray[np.float64]) -> str | None:
    if not (label > 0).any():
        return f"compares rows whose event was seen, and there is none among {label.size:,}"
    return None


_ABOUT = "Harrell's C: share of pairs that are put in the right order"
OF_RISKS = Metric(_ABOUT, "maximize", _concordance_of_risks, undefined=_no_pairs)
OF_TIMES = Metric(_ABOUT, "maximize", _concordance_of_times, undefined=_no_pairs)


class OfTimes(Task):
    """Predictions are numbers that are judged by their order."""

    has_label_s_scale: ClassVar[bool] = False
    keys: ClassVar[Mapping[str, DatasetKey]] = {"event": DatasetKey("died", is_column=True)}

    def label_fault(self, label: NDArray[np.float64]) -> str | None:
        """There must be a seen event: nothing can be learnt from censored rows only."""
        return None if (label > 0).any() else "no row's event was seen, so there is nothing to learn"

    def predictions(self, outputs: NDArray[np.float64], *, threshold: float) -> Predictions:
        """The outputs themselves."""
        del threshold
        return Predictions(outputs)

    def naive(
        self,
        label: NDArray[np.float64],
        rows: int,
        *,
        levels: int,
        metric: str,
        weights: NDArray[np.float64] | None = None,
    ) -> Predictions:
        """The same prediction for every row."""
        import numpy as np

        del levels, metric, weights
        return Predictions(np.full(rows, float(np.median(abs(label)))))
