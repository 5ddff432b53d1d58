"""Metrics of a regression: functions of label and prediction, each with its direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from housing.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

Direction = Literal["minimize", "maximize"]

_CHANNELS = ("train", "validation", "test")
_NOTHING: Mapping[str, Direction] = {}


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


_KNOWN: dict[str, Direction] = {
    **dict.fromkeys(
        ("mse", "mdae", "medae", "max_error", "loss", "logloss", "log_loss", "error", "merror"), "minimize"
    ),
    **dict.fromkeys(("brier", "pinball", "quantile", "poisson_deviance", "gamma_deviance"), "minimize"),
    **dict.fromkeys(("r2", "explained_variance", "auc", "aucpr", "accuracy", "balanced_accuracy", "f1"), "maximize"),
    **dict.fromkeys(("precision", "recall", "ndcg", "map", "mrr", "cindex", "mcc"), "maximize"),
}
"""Metrics that only code of the user's measures, by the names that everybody uses."""


def direction(objective: str, declared: Mapping[str, Direction] = _NOTHING) -> Direction:
    """Direction of `<channel>_<metric>`, of a metric alone, or of a cost; `declared` are those that a script declares.

    Only for what has one; see `known_direction`.
    """
    found = known_direction(objective, declared)
    if found is None:
        raise KeyError(objective)
    return found


def known_direction(objective: str, declared: Mapping[str, Direction] = _NOTHING) -> Direction | None:
    """The same; None for a metric that nobody has told which way is better."""
    metric = metric_of(objective)
    for name in (objective, metric):
        if name in declared:
            return declared[name]
    if objective in COSTS:
        return "minimize"
    return METRICS[metric].direction if metric in METRICS else _KNOWN.get(metric)


def metric_of(objective: str) -> str:
    """`mae` of `validation_mae`."""
    channel, _, metric = objective.partition("_")
    return metric if channel in _CHANNELS else objective


def has_unit(objective: str) -> bool:
    """Whether the metric is in the label's unit."""
    metric = metric_of(objective)
    return metric in METRICS and METRICS[metric].has_unit


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
