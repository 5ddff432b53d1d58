"""The importance of raw columns: how much they move predictions, and how much worse the metric is without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.tasks import resampling
from housing.training.explanations import explain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.encoder import Encoder
    from housing.tasks.base import Metric
    from housing.tasks.predictions import Predictions

    Floats = NDArray[np.float64]

MOST_ROWS = 500
"""The maximum number of rows that are used; evenly spaced ones if there are more."""

_MOST_COLUMNS = 20
_SHUFFLES = 5
_DRAWS = 200
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value, and the ends of its 95 % interval by a bootstrap over the rows."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ColumnImportance:
    """`effect` is the mean absolute contribution to a prediction.

    `loss` is how much worse the metric gets when the column is shuffled; None if it is not defined.
    """

    column: str
    effect: Estimate
    loss: Estimate | None


@dataclass(frozen=True)
class Importances:
    """The columns that move predictions most, on `scale`; `left` more are not shown. `rows` is how many were used."""

    columns: Sequence[ColumnImportance]
    scale: str
    rows: int
    left: int


def column_importances(
    model: Any, encoder: Encoder, matrix: NDArray[np.float32], label: Floats, *, metric: Metric, seed: int
) -> Importances:
    """Importances from encoded rows that the model was not fitted to. Raises DataError if it gives no contributions."""
    import numpy as np

    if (rows := looked_at(len(matrix))) is not None:
        matrix, label = matrix[rows], label[rows]
    predictions = encoder.decode(model.predict(matrix))
    explained = explain(model, encoder, matrix, predictions)
    sizes = abs(explained.effects)
    order = [place for place in np.argsort(-sizes.mean(axis=0), kind="stable").tolist() if sizes[:, place].any()]
    shuffled = _Shuffled(model, encoder, matrix, label, predictions, metric, seed)
    drawn = list(resampling.draws(label, _DRAWS, seed=seed))
    found = [
        ColumnImportance(
            explained.columns[place],
            _mean(sizes[:, place], drawn),
            shuffled.loss(explained.columns[place], drawn),
        )
        for place in order[:_MOST_COLUMNS]
    ]
    return Importances(found, explained.scale, len(matrix), len(order) - len(found))


def looked_at(rows: int) -> NDArray[np.int64] | None:
    """The indices of the rows that are used, evenly spaced; None: all."""
    import numpy as np

    return np.unique(np.linspace(0, rows - 1, MOST_ROWS).astype(np.int64)) if rows > MOST_ROWS else None


def _mean(sizes: Floats, drawn: Sequence[resampling.Draw]) -> Estimate:
    return Estimate(float(sizes.mean()), *_ends([float(sizes[rows].mean()) for _, rows in drawn]))


@dataclass(frozen=True, eq=False)
class _Shuffled:
    """Shuffles all encoded columns of one raw column together."""

    model: Any
    encoder: Encoder
    matrix: NDArray[np.float32]
    label: Floats
    predictions: Predictions
    metric: Metric
    seed: int

    def loss(self, column: str, drawn: Sequence[resampling.Draw]) -> Estimate | None:
        """How much worse the metric gets; None if it is not defined."""
        import numpy as np

        if self.metric.undefined(self.label) is not None:
            return None
        generator = np.random.RandomState(self.seed)
        own = np.flatnonzero([name == column for name in self.encoder.sources])
        shuffled = []
        for _ in range(_SHUFFLES):
            changed = self.matrix.copy()
            changed[:, own] = self.matrix[generator.permutation(len(self.matrix))][:, own]
            shuffled.append(self.encoder.decode(self.model.predict(changed)))
        value = self._worse(shuffled, self.label, np.arange(len(self.label)))
        ends = _ends([self._worse(shuffled, labels, rows) for labels, rows in drawn])
        return Estimate(value, *ends) if np.isfinite([value, *ends]).all() else None

    def _worse(self, shuffled: Sequence[Predictions], labels: Floats, rows: NDArray[np.int64]) -> float:
        from statistics import fmean

        before = self.metric.compute(labels, self.predictions.take(rows))
        after = fmean(self.metric.compute(labels, one.take(rows)) for one in shuffled)
        return after - before if self.metric.direction == "minimize" else before - after


def _ends(values: Sequence[float]) -> tuple[float, float]:
    return resampling.percentile_interval(values, _CONFIDENCE)
