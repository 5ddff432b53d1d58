"""A forest's trees as tables, from the arrays of its model file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.algorithms.trees import MOST_NODES, Rule, TreeTables, UnreadableTreesError, of_arrays


def read(arrays: Mapping[str, NDArray[Any]]) -> TreeTables:
    """Tables from a model file's arrays. Raises UnreadableTreesError for more nodes than tables can hold."""
    values, prior, roots = arrays["values"], arrays["prior"], arrays["roots"].astype(np.int64)
    if len(prior) == 2:  # the second level's probability is enough
        values, prior = values[:, 1:], prior[1:]
    outputs, nodes = values.shape[1], len(values)
    if nodes * outputs > MOST_NODES:
        raise UnreadableTreesError(f"{nodes * outputs} nodes of trees, more than {MOST_NODES}")
    if len(prior):
        rule = Rule("mean", outputs, tuple(prior.tolist()), base_last=True, single=False, factor=float(len(roots) + 1))
    else:
        rule = Rule("none", 1, (0.0,), base_last=True, scale=float(len(roots)), single=False)
    # Each output sums its own leaves: the trees are repeated for each.
    shifts = np.repeat(np.arange(outputs) * nodes, nodes)
    place = np.arange(nodes)
    is_leaf = arrays["left"] < 0
    kids = np.where(is_leaf[:, None], place[:, None], np.column_stack([arrays["left"], arrays["right"]]))
    return of_arrays(
        roots=np.concatenate([roots + output * nodes for output in range(outputs)]),
        kids=np.tile(kids, (outputs, 1)) + shifts[:, None],
        features=np.tile(arrays["features"], outputs),
        thresholds=np.tile(_just_above(arrays["thresholds"]), outputs),
        missing_left=np.tile(arrays["missing_left"].astype(bool) | is_leaf, outputs),
        values=np.concatenate([np.where(is_leaf, values[:, output], 0) for output in range(outputs)]),
        outputs=np.repeat(np.arange(outputs), len(roots)),
        rule=rule,
        width=len(arrays["shares"]),
    )


def _just_above(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The float32 for which `x < it` holds for the same float32 numbers x as `x <= threshold`."""
    with np.errstate(over="ignore"):
        nearest = thresholds.astype(np.float32)
        nearest = np.where(nearest.astype(np.float64) > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)
        return np.nextafter(nearest, np.float32(np.inf))
