"""A channel: one part of a table, encoded, label first, as a training job reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Channel:
    """`features` is (rows, columns) float32 with NaN for missing; `label` is (rows,) float32, already transformed."""

    name: str
    features: NDArray[np.float32]
    label: NDArray[np.float32]
    columns: tuple[str, ...]
    digest: str
