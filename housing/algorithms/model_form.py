"""The compiled form of a model that needs nothing but NumPy: the model as it is."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

_COEFFICIENTS_A_STEP = 8


class NumpyModel(Protocol):
    """The model that a form wraps."""

    @property
    def width(self) -> int:
        """How many columns its rows have."""

    @property
    def size(self) -> int:
        """How many numbers of it a row meets."""

    def predict(self, features: NDArray[np.float32], /) -> NDArray[Any]:
        """See `housing.algorithms.base.Model`."""


class ModelForm:
    """A loaded model, with the bytes that it was loaded from."""

    kind: ClassVar[str]

    def __init__(self, model: NumpyModel, content: bytes) -> None:
        self._model, self._content = model, content
        self.predict = model.predict

    @property
    def width(self) -> int:
        """See `Compiled`."""
        return self._model.width

    @property
    def steps(self) -> int:
        """See `Compiled`."""
        return max(1, self._model.size // _COEFFICIENTS_A_STEP)

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Empty: its predictions change nowhere at once."""
        return np.zeros(0, np.intp), np.zeros(0, np.float32)

    def to_bytes(self) -> bytes:
        """See `Compiled`."""
        return self._content


class LinearForm(ModelForm):
    """Of a linear model."""

    kind: ClassVar[str] = "linear"


class KernelForm(ModelForm):
    """Of a kernel model."""

    kind: ClassVar[str] = "kernel"
