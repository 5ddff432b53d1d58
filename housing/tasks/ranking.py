"""In which order? Rows belong to groups, such as the results of one query; the label says how relevant each is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from housing.tasks.base import DatasetKey, Metric, Task
from housing.tasks.predictions import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_CUTS = (1, 3, 5, 10, 20)
_MOST_RELEVANT = 31
"""In XGBoost and LightGBM a row's gain is 2^relevance - 1, a 32-bit number."""


def _ndcg(label: NDArray[np.float64], predictions: Predictions, *, cut: int | None = None) -> float:
    import numpy as np

    relevance, group = label[:, 0], _numbered(label[:, 1])
    gain, groups = 2**relevance - 1, int(group.max()) + 1

    def gained(order: NDArray[np.int64]) -> NDArray[np.float64]:
        place = _places(group[order])
        counted = gain[order] / np.log2(place + 2) * (True if cut is None else place < cut)
        return np.bincount(group[order], counted, groups).astype(np.float64)

    found, best = gained(_order(label, predictions)), gained(np.lexsort((-relevance, group)))
    # If nothing is relevant, every order is right.
    return float(np.where(best > 0, found / np.where(best > 0, best, 1), 1.0).mean())


def _map(label: NDArray[np.float64], predictions: Predictions, *, cut: int) -> float:
    import numpy as np

    group, order = _numbered(label[:, 1]), _order(label, predictions)
    groups = int(group.max()) + 1
    ordered, relevant = group[order], label[order, 0] > 0
    place, hits = _places(ordered), np.cumsum(relevant)
    starts = np.flatnonzero(place == 0)
    so_far = hits - (hits - relevant)[starts][ordered]
    counted = relevant & (place < cut)
    sums = np.bincount(ordered, counted * so_far / (place + 1), groups)
    all_of_them = np.bincount(ordered, relevant, groups)
    return float(np.where(all_of_them > 0, sums / np.clip(all_of_them, 1, cut), 1.0).mean())


def _order(label: NDArray[np.float64], predictions: Predictions) -> NDArray[np.int64]:
    """Rows by group, highest score first; of equal scores the least relevant first, so that ties gain nothing."""
    import numpy as np

    return np.lexsort((label[:, 0], -predictions.values, label[:, 1]))


def _numbered(group: NDArray[np.float64]) -> NDArray[np.int64]:
    import numpy as np

    return np.unique(group, return_inverse=True)[1]


def _places(ordered: NDArray[np.int64]) -> NDArray[np.int64]:
    """The position, from 0, of each row in its group; rows are ordered by group."""
    import numpy as np

    place = np.arange(len(ordered))
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    return place - np.repeat(starts, np.diff(starts, append=len(ordered)))


def _metric(about: str, compute: Callable[..., float], **options: int) -> Metric:
    return Metric(about, "maximize", partial(compute, **options))


class Ranking(Task):
    """Predictions are scores; only their order within a group counts.

    A label in metrics is (rows, 2): the row's relevance, and the number of its group.
    """

    name: ClassVar[str] = "ranking"
    question: ClassVar[str] = "in which order"
    metrics: ClassVar[Mapping[str, Metric]] = {
        "ndcg_at_10": _metric("normalised discounted cumulative gain of the first 10", _ndcg, cut=10),
        "ndcg": _metric("normalised discounted cumulative gain of whole groups", _ndcg),
        **{
            f"ndcg_at_{cut}": _metric(f"normalised discounted cumulative gain of the first {cut}", _ndcg, cut=cut)
            for cut in _CUTS
            if cut != 10
        },
        **{f"map_at_{cut}": _metric(f"mean average precision of the first {cut}", _map, cut=cut) for cut in _CUTS},
    }
    metric: ClassVar[str] = "ndcg_at_10"
    has_label_s_scale: ClassVar[bool] = False
    has_groups: ClassVar[bool] = True
    keys: ClassVar[Mapping[str, DatasetKey]] = {"group": DatasetKey("query", is_column=True)}

    def label_fault(self, label: NDArray[np.float64]) -> str | None:
        """Relevances must be whole numbers, 0 or more, and not all the same."""
        wrong = label[(label < 0) | (label != label.round()) | (label > _MOST_RELEVANT)]
        if wrong.size:
            allowed = f"relevances are whole numbers from 0 to {_MOST_RELEVANT}"
            return f"{allowed}; {wrong.size:,} are not, such as {wrong[0]:g}"
        return f"is {label[0]:g} in every row, so no order is better" if (label == label[0]).all() else None

    def predictions(self, outputs: NDArray[np.float64], *, threshold: float) -> Predictions:
        """The scores themselves."""
        del threshold
        return Predictions(outputs)

    def naive(
        self,
        label: NDArray[np.float64],
        rows: int,
        *,
        levels: int,
        metric: str,
        weights: NDArray[np.float64] | None = None,
    ) -> Predictions:
        """A pseudo-random order, the same every time."""
        import numpy as np

        del label, levels, metric, weights
        return Predictions(np.random.RandomState(0).random_sample(rows))


TASK = Ranking()
