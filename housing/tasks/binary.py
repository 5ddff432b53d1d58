"""Which of two? The label has two levels, one of which is the positive one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from housing.tasks import classes
from housing.tasks.base import Metric
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Binary(classes.OfClasses):
    """A model gives the positive level's probability; the second level is the positive one."""

    name: ClassVar[str] = "binary"
    question: ClassVar[str] = "which of two"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "log_loss": classes.LOG_LOSS,
        "auc": classes.AUC,
        "pr_auc": classes.PR_AUC,
        "brier": classes.BRIER,
        "ece": classes.ECE,
        "accuracy": classes.ACCURACY,
        "balanced_accuracy": classes.BALANCED_ACCURACY,
        "f1": classes.F1,
        "precision": classes.PRECISION,
        "recall": classes.RECALL,
        "mcc": classes.MCC,
    }
    metric: ClassVar[str] = "log_loss"
    levels: ClassVar[tuple[int, int] | None] = (2, 2)
    has_positive_level: ClassVar[bool] = True

    def predictions(self, outputs: NDArray[np.float64], *, threshold: float) -> Predictions:
        """(rows,) probabilities of the positive level."""
        import numpy as np

        chances = np.column_stack([1 - outputs, outputs])
        return Predictions((outputs >= threshold).astype(np.float64), chances)


TASK = Binary()
