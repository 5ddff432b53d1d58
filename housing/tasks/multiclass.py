"""Which of several? The label has three levels or more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from housing.tasks import classes
from housing.tasks.base import Metric
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MOST_LEVELS = 500


class Multiclass(classes.OfClasses):
    """A model gives a probability for each level; the most likely is predicted, the first of equals."""

    name: ClassVar[str] = "multiclass"
    question: ClassVar[str] = "which of several"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "log_loss": classes.LOG_LOSS,
        "accuracy": classes.ACCURACY,
        "balanced_accuracy": classes.BALANCED_ACCURACY,
        "f1_macro": classes.F1_MACRO,
        "auc_ovr": classes.AUC_OVR,
        "brier": classes.BRIER_OF_LEVELS,
        "ece": classes.ECE_OF_CHOSEN,
    }
    metric: ClassVar[str] = "log_loss"
    levels: ClassVar[tuple[int, int] | None] = (3, _MOST_LEVELS)

    def outputs(self, levels: int) -> int:
        """One probability per level."""
        return levels

    def predictions(self, outputs: NDArray[np.float64], *, threshold: float) -> Predictions:
        """(rows, levels) probabilities."""
        import numpy as np

        del threshold
        return Predictions(outputs.argmax(axis=1).astype(np.float64), outputs)


TASK = Multiclass()
