"""How much each column contributed to a prediction: models that can tell implement `ExplainedModel`.

Contributions are exact Shapley values: those of one row, plus the base that all rows share, sum to what the model
computes before its link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from housing.algorithms.base import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Link = Literal["none", "log", "log odds"]
"""The scale of the sum of contributions: the output itself, its logarithm, or its log-odds (with more than two levels:
scores).
"""


@dataclass(frozen=True, eq=False)
class Contributions:
    """`values` are (rows, outputs, encoded columns), `base` (rows, outputs)."""

    values: NDArray[np.float64]
    base: NDArray[np.float64]
    link: Link

    @property
    def sums(self) -> NDArray[np.float64]:
        """(rows, outputs)."""
        found: NDArray[np.float64] = self.values.sum(axis=2) + self.base
        return found

    def outputs(self) -> NDArray[np.float64]:
        """(rows, outputs) The model's predictions, computed from the contributions."""
        import numpy as np

        sums = self.sums
        if self.link == "none":
            return sums
        if self.link == "log":
            return np.exp(sums)
        return chances(sums)


def chances(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities, from (rows, 1) log-odds of the second of two levels, or (rows, levels) scores; same shape."""
    import numpy as np

    if scores.shape[1] == 1:
        return 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return found


@runtime_checkable
class ExplainedModel(Model, Protocol):
    """A model that can tell what each encoded column contributed."""

    def contributions(self, features: NDArray[np.float32], /) -> Contributions:
        """The contributions of each row of (rows, columns). Raises ValueError where this one model cannot tell."""


def split(found: NDArray[Any], columns: int, link: Link) -> Contributions:
    """From a library's array, with the base last: (rows, columns + 1), or (rows, outputs, columns + 1)."""
    import numpy as np

    values = np.asarray(found, np.float64).reshape(len(found), -1, columns + 1)
    return Contributions(values[:, :, :-1], values[:, :, -1], link)
