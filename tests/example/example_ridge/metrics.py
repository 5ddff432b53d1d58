"""A metric for a task of housing's: how many times more positive rows are at the top than anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from housing.tasks.base import Metric
from housing.tasks.predictions import Predictions


def _lift(label: Any, predictions: Predictions) -> float:
    assert predictions.probabilities is not None
    top = np.argsort(-predictions.probabilities[:, 1], kind="stable")[: max(1, len(label) // 10)]
    return float(label[top].mean() / label.mean()) if label.any() else float("nan")


LIFT = Metric(
    "share of positive rows among the likeliest tenth, over that of all rows", "maximize", _lift, of_probabilities=True
)
