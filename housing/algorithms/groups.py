"""Rows of a ranking as libraries take them: group by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def by_group(label: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For a label (rows, 2): the rows' order group by group, and the groups' numbers in it, from 0."""
    import numpy as np

    groups = np.unique(label[:, 1], return_inverse=True)[1]
    order = np.argsort(groups, kind="stable")
    return order, groups[order]
