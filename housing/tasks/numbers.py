"""What tasks of numbers share. Metrics take label and predictions of (rows,), in the label's unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from housing.tasks.base import Metric, Task
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _distances(label: NDArray[np.float64], predictions: Predictions) -> NDArray[np.float64]:
    found: NDArray[np.float64] = abs(label - predictions.values)
    return found


def _squares(label: NDArray[np.float64], predictions: Predictions) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (label - predictions.values) ** 2
    return found


def _mae(label: NDArray[np.float64], predictions: Predictions) -> float:
    return predictions.mean(_distances(label, predictions))


def _rmse(label: NDArray[np.float64], predictions: Predictions) -> float:
    return float(predictions.mean(_squares(label, predictions)) ** 0.5)


def _medae(label: NDArray[np.float64], predictions: Predictions) -> float:
    import numpy as np

    errors = abs(label - predictions.values)
    if predictions.weights is None:
        return float(np.median(errors))
    from sklearn.metrics import median_absolute_error

    return float(median_absolute_error(label, predictions.values, sample_weight=predictions.weights))


def _mape(label: NDArray[np.float64], predictions: Predictions) -> float:
    return predictions.mean(abs((label - predictions.values) / label))


def _rmsle(label: NDArray[np.float64], predictions: Predictions) -> float:
    import numpy as np

    if (predictions.values <= -1).any():
        return float("nan")
    return float(predictions.mean((np.log1p(label) - np.log1p(predictions.values)) ** 2) ** 0.5)


def _r2(label: NDArray[np.float64], predictions: Predictions) -> float:
    if predictions.weights is None:
        return float(1 - ((label - predictions.values) ** 2).sum() / ((label - label.mean()) ** 2).sum())
    spread = predictions.mean((label - predictions.mean(label)) ** 2)
    return 1 - predictions.mean((label - predictions.values) ** 2) / spread


def _poisson_deviance(label: NDArray[np.float64], predictions: Predictions) -> float:
    import numpy as np

    expected = predictions.values
    if (expected <= 0).any():
        return float("nan")
    logarithms = np.where(label > 0, label * np.log(np.where(label > 0, label, 1) / expected), 0)
    return 2 * predictions.mean(logarithms - label + expected)


def _has_zeros(label: NDArray[np.float64]) -> str | None:
    zeros = int((label == 0).sum())
    return f"divides by the label, which is 0 in {zeros:,} of {label.size:,} rows" if zeros else None


def _is_low(label: NDArray[np.float64]) -> str | None:
    low = int((label <= -1).sum())
    return f"takes the logarithm of 1 + label, and {low:,} of {label.size:,} labels are -1 or less" if low else None


def _is_constant(label: NDArray[np.float64]) -> str | None:
    if label.size and (label == label[0]).all():
        return f"divides by the spread of the label, which is {label[0]:g} in every one of {label.size:,} rows"
    return None


MAE = Metric("mean absolute error", "minimize", _mae, has_unit=True, weighs=True, of_rows=_distances)
RMSE = Metric("root mean squared error", "minimize", _rmse, has_unit=True, weighs=True, of_rows=_squares, is_root=True)
POISSON_DEVIANCE = Metric("mean Poisson deviance", "minimize", _poisson_deviance, weighs=True)

OF_NUMBERS: Mapping[str, Metric] = {
    "mae": MAE,
    "rmse": RMSE,
    "medae": Metric("median absolute error", "minimize", _medae, has_unit=True, weighs=True),
    "mape": Metric(
        "mean absolute error as a fraction of the label", "minimize", _mape, undefined=_has_zeros, weighs=True
    ),
    "rmsle": Metric("root mean squared error of log(1 + value)", "minimize", _rmsle, undefined=_is_low, weighs=True),
    "r2": Metric(
        "share of the label's variance that is explained", "maximize", _r2, undefined=_is_constant, weighs=True
    ),
}


class OfNumbers(Task):
    """Predictions are numbers in the label's unit."""

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
        """The same number for every row: the median for metrics of absolute errors, the mean for all others."""
        import numpy as np

        del levels
        if metric not in ("mae", "medae"):
            middle = np.average(label, weights=weights)
        elif weights is None:
            middle = np.median(label)
        else:
            middle = np.quantile(label, 0.5, weights=weights, method="inverted_cdf")
        return Predictions(np.full(rows, float(middle)))
