"""Copies of a channel that leave out some rows, for the members of a bag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from housing.data.channel import Channel, build
from housing.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def folds_left_out(channel: Channel, count: int, *, seed: int) -> list[Channel]:
    """`count` channels, each without another of `count` random parts of the rows, stratified by the label.

    No group is divided. Raises DataError where there are fewer rows, or groups, than parts.
    """
    import numpy as np

    label = channel.label
    groups = label[:, 1] if label.ndim > 1 else None
    units = np.arange(len(label)) if groups is None else np.unique(groups)
    if len(units) < count:
        what = "rows" if groups is None else "groups"
        raise DataError(f"algorithm.bag: {count} folds need as many {what} of training, there are {len(units):,}")
    order = np.random.default_rng(seed).permutation(units)
    if groups is None:
        # Sorted, so that rare levels, and the highest numbers, are spread over the parts.
        order = order[np.argsort(label[order], kind="stable")]
    parts = [order[place::count] for place in range(count)]
    return [_without(channel, part if groups is None else np.flatnonzero(np.isin(groups, part))) for part in parts]


def _without(channel: Channel, rows: NDArray[np.int64]) -> Channel:
    import numpy as np

    kept = np.setdiff1d(np.arange(len(channel.label)), rows)
    weights = None if channel.weights is None else channel.weights[kept]
    return build(
        channel.name,
        features=channel.features[kept],
        label=channel.label[kept],
        columns=channel.columns,
        weights=weights,
        categorical=channel.categorical,
        directions=channel.directions,
    )
