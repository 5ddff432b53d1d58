"""How much? The label is a number, in a unit of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from housing.tasks.base import Metric, Predictions, Task
from housing.tasks.numbers import OF_NUMBERS, constant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Regression(Task):
    """Predictions are numbers in the label's unit."""

    name: ClassVar[str] = "regression"
    question: ClassVar[str] = "how much"
    metrics: ClassVar[Mapping[str, Metric]] = OF_NUMBERS
    metric: ClassVar[str] = "mae"
    transforms: ClassVar[tuple[str, ...]] = ("none", "log")

    def predictions(self, outputs: NDArray[np.float64], *, threshold: float) -> Predictions:
        """The outputs themselves."""
        del threshold
        return Predictions(outputs)

    def naive(self, label: NDArray[np.float64], rows: int, *, levels: int, metric: str) -> Predictions:
        """See `numbers.constant`."""
        del levels
        return constant(label, rows, metric)


TASK = Regression()
