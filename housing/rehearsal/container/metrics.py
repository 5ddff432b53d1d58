"""The metrics that SageMaker's container computes by itself, beside those of XGBoost.

After `custom_metrics.py` of aws/sagemaker-xgboost-container, which computes them with scikit-learn: those of
regression are reimplemented here, equal to the last bit, as importing scikit-learn would take longer than a job.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xgboost

Values = np.ndarray[Any, np.dtype[Any]]


def evaluation(names: Sequence[str]) -> Callable[[Values, xgboost.DMatrix], list[tuple[str, float]]]:
    """XGBoost's `custom_metric` for these; their order is that of the log lines."""

    def evaluate(predictions: Values, matrix: xgboost.DMatrix) -> list[tuple[str, float]]:
        labels = matrix.get_label()
        return [(name, METRICS[name](labels, predictions)) for name in names]

    return evaluate


def _columns(labels: Values, predictions: Values) -> tuple[Values, Values]:
    # scikit-learn's mean runs down a column, and single precision adds up differently along a row.
    if predictions.shape != labels.shape:
        raise ValueError(f"y_true and y_pred have different number of output ({labels.shape} {predictions.shape})")
    return labels.reshape(-1, 1), predictions.reshape(-1, 1)


def _mae(labels: Values, predictions: Values) -> float:
    wanted, given = _columns(labels, predictions)
    return float(np.average(np.abs(given - wanted), axis=0)[0])


def _mse(labels: Values, predictions: Values) -> float:
    wanted, given = _columns(labels, predictions)
    return float(np.average((wanted - given) ** 2, axis=0)[0])


def _rmse(labels: Values, predictions: Values) -> float:
    wanted, given = _columns(labels, predictions)
    return float(np.sqrt(np.average((wanted - given) ** 2, axis=0))[0])


def _r2(labels: Values, predictions: Values) -> float:
    wanted, given = _columns(labels, predictions)
    residual = ((wanted - given) ** 2).sum(axis=0)[0]
    total = ((wanted - np.average(wanted, axis=0)) ** 2).sum(axis=0)[0]
    if total == 0:
        return 1.0 if residual == 0 else 0.0
    return float(1 - residual / total)


def _of_classes(function: str, **options: Any) -> Callable[[Values, Values], float]:
    def compute(labels: Values, predictions: Values) -> float:
        from sklearn import metrics

        if predictions.size == 0:
            return 0.0
        # As in the container: the sign decides between two classes, although XGBoost passes probabilities by now.
        chosen = np.argmax(predictions, axis=-1) if predictions.ndim > 1 else (predictions > 0.0).astype(int)
        return float(getattr(metrics, function)(labels, chosen, **options))

    return compute


METRICS: dict[str, Callable[[Values, Values], float]] = {
    "accuracy": _of_classes("accuracy_score"),
    "balanced_accuracy": _of_classes("balanced_accuracy_score"),
    "f1": _of_classes("f1_score", average="macro"),
    "f1_binary": _of_classes("f1_score", average="binary"),
    "f1_macro": _of_classes("f1_score", average="macro"),
    "mse": _mse,
    "rmse": _rmse,
    "mae": _mae,
    "precision": _of_classes("precision_score"),
    "precision_macro": _of_classes("precision_score", average="macro"),
    "precision_micro": _of_classes("precision_score", average="micro"),
    "r2": _r2,
    "recall": _of_classes("recall_score"),
    "recall_macro": _of_classes("recall_score", average="macro"),
    "recall_micro": _of_classes("recall_score", average="micro"),
}
