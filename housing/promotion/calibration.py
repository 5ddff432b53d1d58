"""Fits a calibration to a model's probabilities for rows that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from housing.data.calibration import Calibration, Isotonic, Sigmoid, log_odds
from housing.data.faults import listed
from housing.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ENOUGH_FOR_ISOTONIC = 1000
"""Rows from which on isotonic regression does not overfit (Niculescu-Mizil and Caruana 2005; scikit-learn's advice,
too).
"""


def fit(
    method: Literal["sigmoid", "isotonic"],
    label: Floats,
    outputs: Floats,
    *,
    levels: Sequence[str],
    rows: str,
    weights: Floats | None = None,
) -> Calibration:
    """Fit to codes of levels (rows,) and a model's probabilities, (rows,) of the second of two levels or (rows,
    levels).

    `rows` describes the rows, for messages; `weights` (rows,) say how much each counts. Raises DataError where they
    lack a level.
    """
    import numpy as np

    there = set(label.astype(int).tolist())
    if absent := [level for code, level in enumerate(levels) if code not in there]:
        raise DataError(
            f"calibration: {method} learns how often each level is true, and none of the {len(label):,} {rows} has "
            f"{listed(absent)}; say calibration=none, or give the split rows that have it"
        )
    odds = log_odds(outputs)
    weigh = np.ones(len(label)) if weights is None else weights
    sides = [(1, odds)] if odds.ndim == 1 else [(code, odds[:, code]) for code in range(len(levels))]
    if method == "sigmoid":
        return Calibration(method, tuple(_sigmoid(label == code, side, weigh) for code, side in sides))
    return Calibration(method, tuple(_isotonic(label == code, side, weigh) for code, side in sides))


def _sigmoid(positive: NDArray[np.bool_], odds: Floats, weights: Floats) -> Sigmoid:
    """Platt scaling. His targets lie slightly inside 0 and 1, so that the fit is finite where levels do not overlap.

    A target of 0.9 is fitted as a positive row of weight 0.9 and a negative one of weight 0.1.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    hits, rows = float(weights[positive].sum()), float(weights.sum())
    target = np.where(positive, (hits + 1) / (hits + 2), 1 / (rows - hits + 2))
    twice = np.concatenate([odds, odds])[:, None]
    fitted = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000).fit(
        twice,
        np.repeat([1, 0], len(positive)),
        sample_weight=np.concatenate([weights * target, weights * (1 - target)]),
    )
    return Sigmoid(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def _isotonic(positive: NDArray[np.bool_], odds: Floats, weights: Floats) -> Isotonic:
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(odds, positive, weights)
    return Isotonic(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))
