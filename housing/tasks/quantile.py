"""In which range? Quantiles of a number: each exceeds the label in its share of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from housing.tasks.base import DatasetKey, Metric, Task
from housing.tasks.predictions import Predictions
from housing.tasks.transforms import ALL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _columns(predictions: Predictions) -> Mapping[float, NDArray[np.float64]]:
    assert predictions.quantiles is not None  # this task always gives them
    return predictions.quantiles


def _pinball(label: NDArray[np.float64], predictions: Predictions) -> float:
    import numpy as np

    losses = [
        predictions.mean(np.maximum(share * (label - found), (share - 1) * (label - found)))
        for share, found in _columns(predictions).items()
    ]
    return float(np.mean(losses))


def _coverage(label: NDArray[np.float64], predictions: Predictions) -> float:
    first, *between, last = (None, *_columns(predictions).values())
    low = between[0] if between else first
    return predictions.mean((label <= last) & (True if low is None else label >= low))


def _coverage_error(label: NDArray[np.float64], predictions: Predictions) -> float:
    import numpy as np

    return float(
        np.mean([abs(predictions.mean(label <= found) - share) for share, found in _columns(predictions).items()])
    )


class Quantile(Task):
    """A model gives each quantile, lowest first. Crossing quantiles are sorted, which never makes their loss worse.

    The prediction itself is the quantile nearest to the median.
    """

    name: ClassVar[str] = "quantile"
    question: ClassVar[str] = "in which range"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "pinball": Metric("mean pinball loss over the quantiles", "minimize", _pinball, has_unit=True, weighs=True),
        "coverage": Metric(
            "share of rows from the lowest quantile to the highest; of a single one, share at or below it",
            "maximize",
            _coverage,
            weighs=True,
        ),
        "coverage_error": Metric(
            "how far each quantile's share of rows at or below it is from what it should be, mean",
            "minimize",
            _coverage_error,
            weighs=True,
        ),
    }
    metric: ClassVar[str] = "pinball"
    transforms: ClassVar[tuple[str, ...]] = ALL
    keys: ClassVar[Mapping[str, DatasetKey]] = {"quantiles": DatasetKey("[0.1, 0.5, 0.9]")}

    def __init__(self, quantiles: Sequence[float] = ()) -> None:
        self._quantiles = tuple(quantiles)

    def asking(self, quantiles: Sequence[float]) -> Quantile:
        """The task for these quantiles, between 0 and 1, lowest first."""
        return Quantile(quantiles)

    def outputs(self, levels: int) -> int:
        """One per quantile."""
        del levels
        return len(self._quantiles)

    def predictions(self, outputs: NDArray[np.float64], *, threshold: float) -> Predictions:
        """(rows,) for one quantile, else (rows, quantiles)."""
        import numpy as np

        del threshold
        return self._of(np.sort(outputs.reshape(len(outputs), len(self._quantiles)), axis=1))

    def naive(
        self,
        label: NDArray[np.float64],
        rows: int,
        *,
        levels: int,
        metric: str,
        weights: NDArray[np.float64] | None = None,
    ) -> Predictions:
        """The label's own quantiles, for every row."""
        import numpy as np

        del levels, metric
        found = (
            np.quantile(label, self._quantiles)
            if weights is None
            else np.quantile(label, self._quantiles, weights=weights, method="inverted_cdf")
        )
        return self._of(np.tile(found, (rows, 1)))

    def _of(self, columns: NDArray[np.float64]) -> Predictions:
        found = dict(zip(self._quantiles, columns.T, strict=True))
        return Predictions(found[min(found, key=lambda share: abs(share - 0.5))], quantiles=found)


TASK = Quantile()
