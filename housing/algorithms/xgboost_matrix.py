"""What XGBoost trains on: rows in memory, or batches of rows that are binned one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Batches = Callable[[], Iterator["NDArray[np.float32]"]]
"""Starts a new pass through the features, a batch of rows at a time."""


def binned_batches(
    batches: Batches,
    of_rows: Mapping[str, Any],
    types: Sequence[str] | None,
    **options: Any,
) -> Any:
    """A binned matrix; no more than one batch of raw features is in memory. `of_rows` are per-row arrays of all rows,
    such as the label.

    Where a column has no more values than bins, bins are those of all rows at once; otherwise they are approximated by
    a quantile sketch that is merged batch by batch.
    """
    from housing.algorithms.xgboost_library import xgboost

    class Iterated(xgboost.DataIter):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.reset()

        def reset(self) -> None:
            self._batches, self._done = batches(), 0

        def next(self, input_data: Callable[..., None]) -> bool:
            batch = next(self._batches, None)
            if batch is None:
                return False
            end = self._done + len(batch)
            some = {name: values[self._done : end] for name, values in of_rows.items()}
            input_data(data=batch, feature_types=types, **some)
            self._done = end
            return True

    return xgboost.QuantileDMatrix(Iterated(), **options)
