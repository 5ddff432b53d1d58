"""A model's compiled form: answers a few rows with numpy alone, within the process that has the request.

Trees are tables (`trees`), a linear model is its own coefficients (`linear_form`), and what is made of others is the
mean of theirs (`mean_form`).
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray


class Compiled(Protocol):
    """For one thread at a time."""

    kind: ClassVar[str]
    """Which form it is, for `stored_forms`."""

    @property
    def width(self) -> int | None:
        """How many columns it reads; None where it reads some of however many."""

    @property
    def steps(self) -> int:
        """What a row costs: how many nodes of trees it passes at most."""

    def predict(self, features: NDArray[np.float32], /) -> NDArray[Any]:
        """See `housing.algorithms.base.Model`: for a few rows."""

    def splits(self) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Columns, and values at which an answer changes: where it is to be compared."""

    def to_bytes(self) -> bytes:
        """What the form is read from again; no pickle."""


def to_bytes(form: Compiled) -> bytes:
    """Of a form of whichever kind, for `stored_forms.from_bytes`."""
    return b"%b\n%b" % (form.kind.encode(), form.to_bytes())
