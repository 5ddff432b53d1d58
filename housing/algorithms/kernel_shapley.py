"""Exact Shapley values of a kernel model, for a game against the mean row.

A similarity is a product over columns, so its multilinear extension is one, too, and the Shapley value is an integral
of a polynomial along its diagonal (G. Owen: Multilinear Extensions of Games, Management Science 18, 1972). Gauss's
quadrature is exact up to 20 columns, and beyond that to far below the precision of a prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.algorithms.kernel_fits import Kernel

    Floats = NDArray[np.float64]

_MOST_NODES = 10
_MOST_COLUMNS = 1_000


def shapley(kernel: Kernel, similar: Floats, values: Floats) -> Floats:
    """(rows, outputs, columns), for standardised (rows, columns) and the coefficients (landmarks, outputs).

    Raises ValueError for more than 1,000 columns, with which a report of 500 rows would take long.
    """
    import numpy as np

    columns = values.shape[1]
    if columns > _MOST_COLUMNS:
        raise ValueError(
            f"a kernel model is explained by {_MOST_COLUMNS:,} encoded columns at most, it has {columns:,}"
        )
    nodes, weights = np.polynomial.legendre.leggauss(min(_MOST_NODES, columns // 2 + 1))
    reach = kernel.gamma / columns
    without = np.exp(-reach * kernel.landmarks**2)
    found = np.empty((len(values), similar.shape[1], columns))
    for place, value in enumerate(values):
        added = np.exp(-reach * (kernel.landmarks - value) ** 2) - without
        others = np.zeros_like(added)
        for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
            factors = without + node * added
            others += weight * factors.prod(axis=1, keepdims=True) / factors
        found[place] = similar.T @ (added * others)
    return found
