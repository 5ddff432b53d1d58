"""The rows of a ranking, ordered group by group as libraries want them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def by_group(label: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For a label (rows, 2): the indices that sort the rows by group, and each sorted row's group number, from 0."""
    import numpy as np

    groups = np.unique(label[:, 1], return_inverse=True)[1]
    order = np.argsort(groups, kind="stable")
    return order, groups[order]
