"""Columns on one scale, without gaps, for models that add them up or measure distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def clipped(values: NDArray[np.float64], clip: float | None) -> NDArray[np.float64]:
    """Standardised values, none further from 0 than `clip`; None: as they are."""
    return values if clip is None else values.clip(-clip, clip)


@dataclass(frozen=True, eq=False)
class Scale:
    """A median, a mean and a standard deviation for each column, learnt from training rows."""

    medians: NDArray[np.float64]
    means: NDArray[np.float64]
    scales: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> Scale:
        """Of (rows, columns), NaN for missing. A column without values has median 0, a constant one is divided by 1."""
        import numpy as np

        values = features.astype(np.float64)
        known = np.isfinite(values)
        columns = zip(values.T, known.T, strict=True)
        medians = np.array([np.median(column[there]) if there.any() else 0.0 for column, there in columns])
        values = np.where(known, values, medians)
        scales = values.std(axis=0)
        scales[scales == 0] = 1.0
        return cls(medians, values.mean(axis=0), scales)

    def standardised(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(rows, columns); a missing value is the column's median."""
        import numpy as np

        values = np.where(np.isfinite(features), features.astype(np.float64), self.medians)
        found: NDArray[np.float64] = (values - self.means) / self.scales
        return found
