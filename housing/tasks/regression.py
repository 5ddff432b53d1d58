"""How much? The label is a number with a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from housing.tasks.base import MOST_CLASSES, Metric, find, for_levels, names
from housing.tasks.numbers import OF_NUMBERS, OfNumbers
from housing.tasks.transforms import ALL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Regression(OfNumbers):
    """Predictions are numbers in the label's unit."""

    name: ClassVar[str] = "regression"
    question: ClassVar[str] = "how much"
    metrics: ClassVar[Mapping[str, Metric]] = OF_NUMBERS
    metric: ClassVar[str] = "mae"
    transforms: ClassVar[tuple[str, ...]] = ALL

    def label_remark(self, label: NDArray[np.float64]) -> str:
        """A label with few distinct values looks like classes or counts."""
        import numpy as np

        values = np.unique(label)
        count = len(values)
        few = count == 2 or (count <= MOST_CLASSES and (values == values.round()).all())
        if count < 2 or not few or len(label) < 3 * count:
            return ""
        *first, last = (f"{value:.15g}" for value in values.tolist())
        ask = [f"task: {for_levels(count)} asks which of them (describe --task writes it)"]
        suggested = [task for task in map(find, names()) if task.is_suggested(label)]
        ask += [f"task: {task.name} asks {task.question}" for task in suggested]
        return (
            f"the label has {count:,} values, {', '.join(first)} and {last}, "
            f"and task: {self.name} asks {self.question}: predictions are numbers between them; {', '.join(ask)}"
        )


TASK = Regression()
