"""How much each row counts in a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Weights = Literal["none", "balanced"]
"""`balanced`: every level of the label weighs as much as any other, all of its rows together."""


def training_weights(rule: Weights, codes: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Of rows that are fitted to, by the codes of their levels; None where all count alike.

    As scikit-learn's `class_weight="balanced"` has them: rows / (levels * rows of the level).
    """
    import numpy as np

    if rule == "none":
        return None
    _, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    weights: NDArray[np.float32] = (len(codes) / (len(counts) * counts))[place].astype(np.float32)
    return weights


def validation_weights(rule: Weights, codes: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """Of rows that are not fitted to, which count alike; a container reads weights of all channels or of none."""
    import numpy as np

    return None if rule == "none" else np.ones(len(codes), np.float32)
