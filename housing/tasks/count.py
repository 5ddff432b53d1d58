"""How many? The label is a whole number, 0 or more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from housing.tasks.base import Metric
from housing.tasks.numbers import MAE, POISSON_DEVIANCE, RMSE, OfNumbers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Count(OfNumbers):
    """Predictions are expected counts: numbers above 0."""

    name: ClassVar[str] = "count"
    question: ClassVar[str] = "how many"
    metrics: ClassVar[Mapping[str, Metric]] = {"poisson_deviance": POISSON_DEVIANCE, "mae": MAE, "rmse": RMSE}
    metric: ClassVar[str] = "poisson_deviance"

    def label_fault(self, label: NDArray[np.float64]) -> str | None:
        """Counts are whole and not negative."""
        wrong = label[(label < 0) | (label != label.round())]
        if not wrong.size:
            return None
        return f"counts are whole numbers, 0 or more; {wrong.size:,} are not, such as {wrong[0]:g}"

    def is_suggested(self, label: NDArray[np.float64]) -> bool:
        """For every label that is valid for it."""
        return self.label_fault(label) is None


TASK = Count()
