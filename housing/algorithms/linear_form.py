"""The compiled form of a linear model: the model as it is."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

_COEFFICIENTS_A_STEP = 8


class Linear(Protocol):
    """The linear model that a form wraps; `weights` are (outputs, columns)."""

    weights: NDArray[np.float64]

    def predict(self, features: NDArray[np.float32], /) -> NDArray[Any]:
        """See `housing.algorithms.base.Model`."""


class LinearForm:
    """A loaded model, with the bytes that it was loaded from."""

    kind: ClassVar[str] = "linear"

    def __init__(self, model: Linear, content: bytes) -> None:
        self._weights, self._content = model.weights, content
        self.predict = model.predict

    @property
    def width(self) -> int:
        """See `Compiled`."""
        return int(self._weights.shape[1])

    @property
    def steps(self) -> int:
        """See `Compiled`."""
        return max(1, self._weights.size // _COEFFICIENTS_A_STEP)

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Empty: a linear model has no splits."""
        return np.zeros(0, np.intp), np.zeros(0, np.float32)

    def to_bytes(self) -> bytes:
        """See `Compiled`."""
        return self._content
