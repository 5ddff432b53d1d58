"""Calibration: maps a model's probability of a level to how often the level is true; stored as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from housing.data.faults import shown
from housing.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Method = Literal["none", "sigmoid", "isotonic"]

_NEAREST_TO_CERTAIN = 1e-9
_OF_SIGMOID, _OF_ISOTONIC = {"slope", "intercept"}, {"log_odds", "probabilities"}


@dataclass(frozen=True)
class Sigmoid:
    """Platt's: the logistic function of `slope` times the log-odds, plus `intercept`."""

    slope: float
    intercept: float

    def apply(self, log_odds: Floats) -> Floats:
        """(rows,) probabilities."""
        import numpy as np

        found: Floats = 1 / (1 + np.exp(-np.clip(self.slope * log_odds + self.intercept, -700, 700)))
        return found


@dataclass(frozen=True)
class Isotonic:
    """Isotonic regression: linear between these points, constant outside of them."""

    log_odds: tuple[float, ...]
    probabilities: tuple[float, ...]

    def apply(self, log_odds: Floats) -> Floats:
        """(rows,) probabilities."""
        import numpy as np

        return np.interp(log_odds, self.log_odds, self.probabilities)


@dataclass(frozen=True)
class Calibration:
    """`curves` has one for the positive level of two, or one for each of more levels, in the order of their codes."""

    method: str
    curves: tuple[Sigmoid | Isotonic, ...]

    def apply(self, outputs: Floats) -> Floats:
        """Probabilities (rows,) of the positive level, or (rows, levels): each against the rest, then made to sum to 1.

        Where all are 0, every level gets the same, as in scikit-learn.
        """
        import numpy as np

        odds = log_odds(outputs)
        if odds.ndim == 1:
            return self.curves[0].apply(odds)
        found = np.column_stack([curve.apply(odds[:, place]) for place, curve in enumerate(self.curves)])
        total = found.sum(axis=1, keepdims=True)
        uniform = np.full_like(found, 1 / found.shape[1])
        summing_to_one: Floats = np.divide(found, total, out=uniform, where=total > 0)
        return summing_to_one

    def document(self) -> dict[str, Any]:
        """The calibration as a JSON document."""
        return {"method": self.method, "curves": [dict(vars(curve)) for curve in self.curves]}


def log_odds(probabilities: Floats) -> Floats:
    """Log-odds of probabilities, the curves' input; probabilities of 0 and 1 are clipped, so that they are finite."""
    import numpy as np

    kept = np.clip(probabilities, _NEAREST_TO_CERTAIN, 1 - _NEAREST_TO_CERTAIN)
    found: Floats = np.log(kept / (1 - kept))
    return found


def read(document: Mapping[str, Any], where: str, *, outputs: int) -> Calibration:
    """The reverse of `Calibration.document`, for a model with `outputs` outputs. Raises DataError."""
    curves = document.get("curves")
    if set(document) != {"method", "curves"} or not isinstance(curves, list) or len(curves) != outputs:
        raise DataError(f"{where}: must have a method and {outputs} curves, got {shown(document, 200)}")
    try:
        if document["method"] == "sigmoid" and all(set(curve) == _OF_SIGMOID for curve in curves):
            return Calibration("sigmoid", tuple(Sigmoid(float(c["slope"]), float(c["intercept"])) for c in curves))
        if document["method"] == "isotonic" and all(set(curve) == _OF_ISOTONIC for curve in curves):
            return Calibration("isotonic", tuple(_isotonic(curve) for curve in curves))
    except (TypeError, ValueError) as error:
        raise DataError(f"{where}: {error}") from None
    raise DataError(f"{where}: must be sigmoid or isotonic, with the numbers of each curve, got {shown(document, 200)}")


def _isotonic(curve: Mapping[str, Any]) -> Isotonic:
    points = tuple(map(float, curve["log_odds"])), tuple(map(float, curve["probabilities"]))
    if not points[0] or len(points[0]) != len(points[1]):
        raise ValueError("a curve has as many probabilities as log-odds, at least one")
    return Isotonic(*points)
