"""Metrics of a regression: functions of label and prediction, each with its direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from housing.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Metric:
    """`compute(label, prediction)` takes float64 arrays (rows,); `has_unit`: the value is in the label's unit."""

    about: str
    direction: Direction
    has_unit: bool
    compute: Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def _mae(label: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
    return float(abs(label - prediction).mean())


def _rmse(label: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
    return float(((label - prediction) ** 2).mean() ** 0.5)


def _mape(label: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
    return float(abs((label - prediction) / label).mean())


def _rmsle(label: NDArray[np.float64], prediction: NDArray[np.float64]) -> float:
    import numpy as np

    return float(((np.log1p(label) - np.log1p(prediction)) ** 2).mean() ** 0.5)


METRICS: dict[str, Metric] = {
    "mae": Metric("mean absolute error", "minimize", True, _mae),
    "rmse": Metric("root mean squared error", "minimize", True, _rmse),
    "mape": Metric("mean absolute error as a fraction of the label", "minimize", False, _mape),
    "rmsle": Metric("root mean squared error of log(1 + value)", "minimize", False, _rmsle),
}


COSTS = {
    "training_seconds": "time of the training",
    "best_round": "rounds before the last one kept",
}
"""What a job costs, whatever it is judged by: a study may want less of it beside a better metric."""


def direction(objective: str) -> Direction:
    """Direction of `<channel>_<metric>`, of a metric alone, or of a cost."""
    return "minimize" if objective in COSTS else METRICS[objective.rsplit("_", 1)[-1]].direction


def score(label: ArrayLike, prediction: ArrayLike) -> dict[str, float]:
    """Every metric by name. Both arrays are (rows,), in the label's unit; raises DataError on NaN or no rows."""
    import numpy as np

    y, p = np.asarray(label, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if y.shape != p.shape or y.ndim != 1 or not y.size:
        raise DataError(f"cannot score {p.shape} predictions against {y.shape} labels: both must be (rows,), rows > 0")
    if not (np.isfinite(y).all() and np.isfinite(p).all()):
        raise DataError("cannot score: labels and predictions must be finite numbers")
    return {
        name: metric.compute(y, p)
        for name, metric in METRICS.items()
        if undefined(name, y) is None and (name != "rmsle" or (p > -1).all())
    }


def undefined(name: str, label: ArrayLike) -> str | None:
    """Why these labels have no such metric, whatever is predicted; None where they have one."""
    import numpy as np

    y = np.asarray(label, dtype=np.float64)
    if name == "mape" and (zeros := int((y == 0).sum())):
        return f"divides by the label, which is 0 in {zeros:,} of {y.size:,} rows"
    if name == "rmsle" and (low := int((y <= -1).sum())):
        return f"takes the logarithm of 1 + label, and {low:,} of {y.size:,} labels are -1 or less"
    return None
