"""How much each row counts in a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.description import Dataset
    from housing.data.table import Table

Weights = Literal["none", "balanced"]
"""`balanced`: every level of the label weighs as much as any other, all of its rows together."""


def column_weights(rows: Table, dataset: Dataset) -> NDArray[np.float64] | None:
    """The values of the dataset's weight column; None where it has none."""
    return None if dataset.weight is None else rows[dataset.weight]


def training_weights(
    rule: Weights, codes: NDArray[np.float64], own: NDArray[np.float64] | None = None
) -> NDArray[np.float32] | None:
    """Weights of training rows, from the codes of their levels and their `own` weights; None: all count alike.

    As scikit-learn's `class_weight="balanced"`: rows / (levels * rows of the level), times `sample_weight`.
    """
    import numpy as np

    if rule == "none":
        return None if own is None else own.astype(np.float32)
    _, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    balanced = (len(codes) / (len(counts) * counts))[place]
    weights: NDArray[np.float32] = (balanced if own is None else balanced * own).astype(np.float32)
    return weights


def validation_weights(
    rule: Weights, codes: NDArray[np.float64], own: NDArray[np.float64] | None = None
) -> NDArray[np.float32] | None:
    """Weights of validation rows, which are not balanced by level.

    They exist whenever training rows have weights: a container reads weights in all channels or in none.
    """
    import numpy as np

    if own is not None:
        return own.astype(np.float32)
    return None if rule == "none" else np.ones(len(codes), np.float32)
