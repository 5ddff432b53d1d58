"""A model's compiled form: predicts a few rows with numpy alone, in the process that received the request.

Trees become tables (`trees`), linear and kernel models stay as they are (`model_form`), and an ensemble is the mean of
its members' forms (`mean_form`).
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray


class Compiled(Protocol):
    """A compiled model; not safe to call from several threads at once."""

    kind: ClassVar[str]
    """Which form it is, for `stored_forms`."""

    @property
    def width(self) -> int | None:
        """How many columns the rows must have; None where rows of any width will do, of which it reads some columns."""

    @property
    def steps(self) -> int:
        """The cost of a row: the largest number of tree nodes that it visits."""

    def predict(self, features: NDArray[np.float32], /) -> NDArray[Any]:
        """See `housing.algorithms.base.Model`; meant for a few rows."""

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Columns, and the values at which a prediction changes: where the form is compared with its model."""

    def to_bytes(self) -> bytes:
        """The form as bytes, without pickle."""


def to_bytes(form: Compiled) -> bytes:
    """A form of any kind as bytes, for `stored_forms.from_bytes`."""
    return b"%b\n%b" % (form.kind.encode(), form.to_bytes())
