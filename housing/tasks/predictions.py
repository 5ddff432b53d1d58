"""Predictions of any task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Predictions:
    """The predictions for some rows.

    `values` (rows,) are in the label's unit; for classes they are the codes of the predicted levels, from 0, and
    `probabilities` is (rows, levels). For any other label `probabilities` is None. `quantiles` has (rows,) for each
    requested quantile, lowest first; None if there are none. `weights` (rows,) are the rows' weights in metrics; None:
    equal.
    """

    values: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None = None
    quantiles: Mapping[float, NDArray[np.float64]] | None = None
    weights: NDArray[np.float64] | None = None

    def mean(self, values: NDArray[Any]) -> float:
        """The weighted mean of values (rows,)."""
        import numpy as np

        return float(values.mean() if self.weights is None else np.average(values, weights=self.weights))

    def weighed(self, weights: NDArray[Any] | None) -> Predictions:
        """The same predictions with other weights; None, or all of them 1: equal."""
        import numpy as np

        differ = weights is not None and bool((weights != 1).any())
        return replace(self, weights=np.asarray(weights, np.float64) if differ else None)

    def take(self, rows: NDArray[np.int64]) -> Predictions:
        """These rows, in this order."""
        chances, quantiles, weights = self.probabilities, self.quantiles, self.weights
        return Predictions(
            self.values[rows],
            None if chances is None else chances[rows],
            None if quantiles is None else {share: found[rows] for share, found in quantiles.items()},
            None if weights is None else weights[rows],
        )

    def matrix(self) -> NDArray[np.float64]:
        """(rows, 1 + levels or quantiles): the value, then the probabilities or quantiles, if there are any."""
        import numpy as np

        if self.probabilities is not None:
            return np.column_stack([self.values, self.probabilities])
        return np.column_stack([self.values, *(self.quantiles or {}).values()])


def of_matrix(matrix: NDArray[np.float64], quantiles: Sequence[float] = ()) -> Predictions:
    """The reverse of `Predictions.matrix`."""
    values, beside = matrix[:, 0], matrix[:, 1:]
    if quantiles:
        return Predictions(values, quantiles=dict(zip(quantiles, beside.T, strict=True)))
    return Predictions(values, beside if beside.shape[1] else None)


def quantiles_fault(quantiles: Sequence[object]) -> str | None:
    """What is wrong with a list of quantiles; None if nothing is, or the list is empty."""
    if all(isinstance(share, float) and 0 < share < 1 for share in quantiles):
        rising = [*quantiles] == sorted({*quantiles})  # type: ignore[type-var]  # all of them are numbers
        return None if rising else "must be in rising order, and none twice"
    return "must be numbers more than 0 and less than 1"


def same(one: Predictions, other: Predictions) -> bool:
    """Whether both are exactly equal for every row."""
    import numpy as np

    return tuple(one.quantiles or ()) == tuple(other.quantiles or ()) and np.array_equal(one.matrix(), other.matrix())


def reordered(predictions: Predictions, levels: Sequence[str], wanted: Sequence[str]) -> Predictions:
    """The same predictions with levels coded in another order; both must be the same levels."""
    import numpy as np

    if predictions.probabilities is None or list(levels) == list(wanted):
        return predictions
    codes = np.array([list(wanted).index(level) for level in levels])
    places = [list(levels).index(level) for level in wanted]
    chosen = codes[predictions.values.astype(np.int64)].astype(np.float64)
    return Predictions(chosen, predictions.probabilities[:, places], weights=predictions.weights)
