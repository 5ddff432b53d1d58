"""Two ways to find the leaf of every tree that a row ends in, each with a handful of numpy calls.

`Steps` goes one level down in all trees at once, and evaluates only the splits on the row's path. `Splits` evaluates
every split first, in one vectorised pass, so that a step is a single call. That is faster for trees of usual depth;
deep ones have far more splits than a row passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

# Measured: evaluating a split in the pass costs a sixth of evaluating one on a row's path.
_SPLITS_A_STEP = 6


class Walk(Protocol):
    """Not safe to call from several threads at once."""

    def leaves(self, row: NDArray[np.float32]) -> NDArray[Any]:
        """The values of the leaves that a row ends in, (outputs, trees), in the order in which they are summed."""


def walk(arrays: Mapping[str, NDArray[Any]], width: int) -> Walk:
    """The faster one for these arrays of `trees.tables`."""
    kids = arrays["kids"].reshape(-1, 2) // 2
    is_split = kids[:, 0] != np.arange(len(kids))
    steps = max(int(arrays["depth"]), 1) * len(arrays["roots"])
    return Splits(arrays, width) if is_split.sum() <= _SPLITS_A_STEP * steps else Steps(arrays, width)


class Splits:
    """Evaluates all splits first. Nodes are renumbered: splits first, then leaves."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], width: int) -> None:
        kids = arrays["kids"].astype(np.intp).reshape(-1, 2) // 2
        is_split = kids[:, 0] != np.arange(len(kids))
        places = np.empty(len(kids), np.intp)
        places[is_split] = np.arange(count := int(is_split.sum()))
        places[~is_split] = np.arange(count, len(kids))
        self._features = arrays["features"][::2][is_split].astype(np.intp)
        self._any_feature = self._features % width
        self._thresholds = arrays["thresholds"][::2][is_split]
        self._left = places[kids[is_split, 0]]
        self._to_right = places[kids[is_split, 1]] - self._left
        self._values = np.empty(len(kids), arrays["values"].dtype)
        self._values[places] = arrays["values"][::2]
        order = arrays["order"].astype(np.intp)
        self._shape = order.shape
        self._starts = places[arrays["roots"].astype(np.intp) // 2].take(order.reshape(-1))
        self._depth = int(arrays["depth"])
        # The next node on the row's path, for each node; a leaf leads to itself.
        self._next = np.arange(len(kids), dtype=np.intp)
        self._next_of_splits = self._next[:count]
        self._read, self._is_right = np.empty(count, np.float32), np.empty(count, np.bool_)

    def leaves(self, row: NDArray[np.float32]) -> NDArray[Any]:
        """See `Walk`."""
        row, is_whole = with_missing(row)
        row.take(self._any_feature if is_whole else self._features, out=self._read, mode="clip")
        np.greater_equal(self._read, self._thresholds, out=self._is_right)
        # Not `np.where`, whose branches the CPU cannot predict.
        np.multiply(self._to_right, self._is_right, out=self._next_of_splits)
        np.add(self._next_of_splits, self._left, out=self._next_of_splits)
        node, following = self._starts, self._next
        for _ in range(self._depth):
            node = following.take(node)
        return self._values.take(node).reshape(self._shape)


class Steps:
    """Evaluates splits on the path only. Node numbers are doubled, so that they index `kids`: the left child, then the
    right one.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], width: int) -> None:
        self._roots, self._kids = arrays["roots"].astype(np.intp), arrays["kids"].astype(np.intp)
        self._thresholds, self._values = arrays["thresholds"], arrays["values"]
        self._features = arrays["features"].astype(np.intp)
        self._any_feature = self._features % width
        self._depth = int(arrays["depth"])
        self._order = arrays["order"].astype(np.intp)

    def leaves(self, row: NDArray[np.float32]) -> NDArray[Any]:
        """See `Walk`."""
        row, is_whole = with_missing(row)
        features, thresholds, kids = self._any_feature if is_whole else self._features, self._thresholds, self._kids
        node, count = self._roots.copy(), len(self._roots)
        columns, step = np.empty(count, np.intp), np.empty(count, np.intp)
        values, limits, right = np.empty(count, row.dtype), np.empty(count, np.float32), np.empty(count, np.bool_)
        for _ in range(self._depth):
            # Writing into existing arrays without bounds checks takes half the time.
            features.take(node, out=columns, mode="clip")
            row.take(columns, out=values, mode="clip")
            thresholds.take(node, out=limits, mode="clip")
            np.greater_equal(values, limits, out=right)
            np.add(node, right, out=step)
            kids.take(step, out=node, mode="clip")
        return self._values.take(node.take(self._order))


def with_missing(row: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """The row, and True where no value is missing; else the row twice, as read by nodes that send missing values left,
    then right.
    """
    missing = np.isnan(row)
    if not np.logical_or.reduce(missing):
        return row, True
    # -inf goes left and inf goes right everywhere; each node reads the copy that its rule for missing values needs.
    return np.concatenate([np.where(missing, -np.inf, row), np.where(missing, np.inf, row)]), False
