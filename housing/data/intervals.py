"""Prediction intervals and sets that hold the truth in a given share of rows; learnt elsewhere, stored as JSON.

Split conformal prediction. A score says how far a prediction was from the truth of a row that its model had not seen:

| label     | score                                                    | answer                               |
|-----------|----------------------------------------------------------|--------------------------------------|
| a number  | the absolute error, as trained on; divided by `scale`    | from `low` to `high`                 |
| quantiles | how far it is outside of the lowest and highest quantile | from `low` to `high`                 |
| levels    | 1 - the probability of the true level                    | every level that is probable enough  |

The quantile of held-out scores at the requested share bounds the error of a new row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from housing.data.cells import text_of
from housing.data.faults import listed, shown
from housing.errors import DataError
from housing.tasks.transforms import applied, undone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.tasks.predictions import Predictions

    Floats = NDArray[np.float64]

MOST_SCORES = 1000
"""Most scores kept per group; of more, evenly spaced ones are kept, which makes intervals slightly wider."""


@dataclass(frozen=True)
class Scores:
    """Ascending scores of `rows` held-out rows."""

    rows: int
    values: tuple[float, ...]

    def bound(self, coverage: float) -> float | None:
        """The score that new rows exceed with a probability of at most 1 - coverage; None where there are too few
        rows.
        """
        rank = math.ceil((self.rows + 1) * coverage - 1e-9)
        if rank > self.rows:
            return None
        return self.values[math.ceil(rank * len(self.values) / self.rows) - 1]


@dataclass(frozen=True)
class Scale:
    """How large the error of a row is likely to be: exp of a linear function of its encoded columns.

    The last weight is for the prediction itself, as trained on. Missing values count as the mean; the result is clipped
    to `low` and `high`, its range on the rows that it was learnt from.
    """

    intercept: float
    means: tuple[float, ...]
    weights: tuple[float, ...]
    low: float
    high: float

    def of(self, matrix: NDArray[np.float32], center: Floats) -> Floats:
        """The scale of each row, (rows,), from encoded columns (rows, columns) and predictions (rows,)."""
        import numpy as np

        cells = np.column_stack([matrix.astype(np.float64), center]) - np.array(self.means)
        found: Any = np.nan_to_num(cells, nan=0.0) @ np.array(self.weights) + self.intercept
        sizes: Floats = np.exp(np.clip(found, self.low, self.high))
        return sizes


@dataclass(frozen=True, eq=False)
class Ranges:
    """What holds the truth of each row in `coverage` of the rows: from `low` to `high`, or `sets` (rows, levels)."""

    coverage: float
    low: Floats | None = None
    high: Floats | None = None
    sets: NDArray[np.bool_] | None = None

    def hold(self, label: Floats) -> NDArray[np.bool_]:
        """(rows,) Whether the truth is inside; `label` is in its unit, or codes of levels."""
        import numpy as np

        if self.sets is not None:
            return self.sets[np.arange(len(label)), label.astype(np.int64)]
        assert self.low is not None
        assert self.high is not None
        inside: NDArray[np.bool_] = (label >= self.low) & (label <= self.high)
        return inside

    @property
    def sizes(self) -> Floats:
        """(rows,) Sizes: the width in the label's unit, or the number of levels."""
        import numpy as np

        if self.sets is not None:
            counts: Floats = self.sets.sum(axis=1).astype(np.float64)
            return counts
        assert self.low is not None
        assert self.high is not None
        return np.subtract(self.high, self.low)

    def documents(self, levels: Sequence[str]) -> list[dict[str, Any]]:
        """A JSON document for each row."""
        if self.sets is not None:
            named = ([level for level, is_in in zip(levels, row, strict=True) if is_in] for row in self.sets.tolist())
            return [{"coverage": self.coverage, "levels": one} for one in named]
        assert self.low is not None
        assert self.high is not None
        ends = zip(self.low.tolist(), self.high.tolist(), strict=True)
        return [{"coverage": self.coverage, "low": low, "high": high} for low, high in ends]


@dataclass(frozen=True)
class Intervals:
    """`coverage` is the share that was requested when they were learnt. `least` is a lower bound of the label.

    `by` is the raw column whose levels in `groups` have enough rows for their own scores; other rows use `scores`,
    those of all rows.
    """

    coverage: float
    scores: Scores
    least: float | None = None
    scale: Scale | None = None
    by: str | None = None
    groups: Mapping[str, Scores] = field(default_factory=dict)

    def of(
        self,
        predictions: Predictions,
        *,
        coverage: float | None = None,
        transform: str = "none",
        groups: Sequence[str] | None = None,
        matrix: NDArray[np.float32] | None = None,
    ) -> Ranges:
        """The intervals of predictions. `groups` is each row's level of `by`; `matrix`, the encoded rows, is needed
        with a scale.

        Raises DataError for a coverage that requires more held-out rows, and where `groups` is needed and missing.
        """
        import numpy as np

        asked = self.coverage if coverage is None else coverage
        if self.by is not None and groups is None:
            raise DataError(f"intervals go by {self.by}, which encoded rows do not name; send raw rows")
        if groups is None:
            bound = np.full(len(predictions.values), self._bound(self.scores, asked))
        else:
            bounds = {level: self._bound(self.groups.get(level, self.scores), asked) for level in set(groups)}
            bound = np.array([bounds[level] for level in groups])
        if predictions.probabilities is not None:
            chances = predictions.probabilities
            sets = chances >= 1 - bound[:, None]
            # The predicted level is always included: a set must not be empty.
            sets[np.arange(len(sets)), predictions.values.astype(np.int64)] = True
            return Ranges(asked, sets=sets)
        low, high = _ends(predictions, transform)
        if self.scale is not None:
            if matrix is None:
                raise DataError("intervals have a scale of their own, which needs the encoded rows")
            bound = bound * self.scale.of(matrix, center_of(predictions, transform))
        low, high = undone(transform, low - bound), undone(transform, high + bound)
        if self.least is not None:
            low = np.maximum(low, self.least)
        return Ranges(asked, low, np.maximum(high, low))

    def groups_of(self, columns: Mapping[str, Any]) -> list[str] | None:
        """Each raw row's level of `by`; None where there is no `by`."""
        return None if self.by is None else [text_of(cell) for cell in list(columns[self.by])]

    def _bound(self, scores: Scores, coverage: float) -> float:
        found = scores.bound(coverage)
        # A group has enough rows for the coverage at learning, but perhaps not for a larger one.
        found = self.scores.bound(coverage) if found is None else found
        if found is None:
            most = self.scores.rows / (self.scores.rows + 1)
            raise DataError(
                f"an interval of {coverage:g} needs more held-out rows than the {self.scores.rows:,} that it was "
                f"learnt from; ask for {math.floor(most * 1000) / 1000:g} or less"
            )
        return found

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "coverage": self.coverage,
            "least": self.least,
            "by": self.by,
            "scores": _scores_document(self.scores),
            "groups": {level: _scores_document(one) for level, one in self.groups.items()},
            "scale": None if self.scale is None else dict(vars(self.scale)),
        }


def scores_of(
    label: Floats, predictions: Predictions, *, transform: str = "none", scale: Floats | None = None
) -> Floats:
    """(rows,) The scores of held-out rows; `label` is in its unit, or codes of levels; `scale` is each row's."""
    import numpy as np

    if predictions.probabilities is not None:
        found: Floats = 1 - predictions.probabilities[np.arange(len(label)), label.astype(np.int64)]
        return found
    low, high = _ends(predictions, transform)
    true = applied(transform, label)
    found = np.maximum(low - true, true - high)
    return found if scale is None else found / scale


def center_of(predictions: Predictions, transform: str) -> Floats:
    """(rows,) The prediction on the scale that was trained on."""
    return applied(transform, predictions.values)


def kept(scores: Floats, weights: Floats | None = None) -> Scores:
    """Scores to keep; with `weights`, `rows` is the effective sample size."""
    import numpy as np

    order = np.argsort(scores, kind="stable")
    rows = len(scores) if weights is None else alike_rows(weights)
    count = min(rows, MOST_SCORES)
    if weights is None:
        places = [math.ceil((place + 1) * rows / count) - 1 for place in range(count)]
    else:
        shares = weights[order].cumsum() / weights.sum()
        wanted = np.arange(1, count + 1) / count
        places = np.minimum(np.searchsorted(shares, wanted - 1e-9), len(scores) - 1).tolist()
    return Scores(rows, tuple(scores[order][places].tolist()))


def alike_rows(weights: Floats) -> int:
    """The number of equally weighted rows that are as informative as these (Kish's effective sample size)."""
    return max(int(weights.sum() ** 2 / (weights**2).sum() + 1e-9), 1)


def read(document: object, where: str) -> Intervals:
    """The reverse of `Intervals.document`. Raises DataError."""
    if not isinstance(document, Mapping) or set(document) != _KEYS:
        raise DataError(f"{where}: must have {listed(sorted(_KEYS), 12)}, got {shown(document, 200)}")
    try:
        scale = document["scale"]
        return Intervals(
            coverage=float(document["coverage"]),
            scores=_read_scores(document["scores"]),
            least=None if document["least"] is None else float(document["least"]),
            scale=None if scale is None else _read_scale(scale),
            by=None if document["by"] is None else str(document["by"]),
            groups={str(level): _read_scores(one) for level, one in document["groups"].items()},
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{where}: {error!r}") from None


_KEYS = {"coverage", "least", "by", "scores", "groups", "scale"}


def _ends(predictions: Predictions, transform: str) -> tuple[Floats, Floats]:
    if predictions.quantiles is None:
        center = center_of(predictions, transform)
        return center, center
    columns = list(predictions.quantiles.values())
    return applied(transform, columns[0]), applied(transform, columns[-1])


def _scores_document(scores: Scores) -> dict[str, Any]:
    return {"rows": scores.rows, "values": list(scores.values)}


def _read_scores(document: Mapping[str, Any]) -> Scores:
    scores = Scores(int(document["rows"]), tuple(map(float, document["values"])))
    if not scores.values or scores.rows < len(scores.values) or list(scores.values) != sorted(scores.values):
        raise ValueError("scores must be rising numbers of as many rows, at least one")
    return scores


def _read_scale(document: Mapping[str, Any]) -> Scale:
    means, weights = tuple(map(float, document["means"])), tuple(map(float, document["weights"]))
    if len(means) != len(weights):
        raise ValueError("a scale has as many means as weights")
    return Scale(float(document["intercept"]), means, weights, float(document["low"]), float(document["high"]))
