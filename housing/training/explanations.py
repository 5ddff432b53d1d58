"""Explains predictions: contributions of encoded columns, summed by raw column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.algorithms.explaining import ExplainedModel
from housing.data.cells import is_missing, text_of
from housing.errors import DataError
from housing.tasks.transforms import undone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from housing.data.encoder import Encoder
    from housing.tasks.predictions import Predictions

    Floats = NDArray[np.float64]

_SAME_SUM = 1e-4
_LONGEST_CELL = 100


@dataclass(frozen=True, eq=False)
class Explanations:
    """`effects` (rows, columns) and `base` (rows,) sum to the prediction on `scale`, the name of a unit.

    `columns` are raw columns, and those derived from several.
    """

    columns: tuple[str, ...]
    effects: Floats
    base: Floats
    scale: str

    def largest(self, row: int, count: int) -> list[tuple[str, float]]:
        """The columns that moved this row most, and by how much."""
        import numpy as np

        effects = self.effects[row]
        order = np.argsort(-abs(effects), kind="stable")[:count]
        return [(self.columns[place], float(effects[place])) for place in order.tolist()]

    def documents(self, count: int, columns: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """JSON values, one for each row; `columns` are the raw ones, None if rows were sent encoded."""
        found = []
        for row, base in enumerate(self.base.tolist()):
            largest = self.largest(row, count)
            effects = [{"column": name, **_cell(columns, name, row), "effect": effect} for name, effect in largest]
            rest = float(self.effects[row].sum()) - sum(effect for _, effect in largest)
            found.append({"scale": self.scale, "base": base, "effects": effects, "rest": rest})
        return found


def explain(model: Any, encoder: Encoder, matrix: NDArray[np.float32], predictions: Predictions) -> Explanations:
    """Explanations of a model's predictions for encoded rows. Raises DataError if it gives no contributions.

    With two levels the positive one is explained, with more the predicted one, with quantiles the one that is the
    prediction; levels before calibration.
    """
    import numpy as np

    if not isinstance(model, ExplainedModel):
        raise DataError(
            "explain: this model cannot tell why it answers as it does: its algorithm has no contributions of columns"
        )
    try:
        found = model.contributions(matrix)
    except ValueError as error:
        raise DataError(f"explain: this model cannot tell why it answers as it does: {error}") from error
    answered, by_sums = np.asarray(model.predict(matrix), np.float64), found.outputs()
    # In 32 bits, the error is relative to the largest contributions, even if they cancel.
    summed = np.maximum(1.0, abs(found.base) + abs(found.values).sum(axis=2))
    if not (abs(answered.reshape(by_sums.shape) - by_sums) <= _SAME_SUM * np.maximum(abs(by_sums), summed)).all():
        raise DataError("explain: the contributions of this model's columns do not sum to what it answers")
    chosen = _chosen(encoder, predictions, by_sums)
    rows = np.arange(len(matrix))
    effects = np.zeros((len(matrix), len(sources := list(dict.fromkeys(encoder.sources)))))
    places = np.array([sources.index(name) for name in encoder.sources])
    np.add.at(effects.T, places, found.values[rows, chosen].T)
    return Explanations(tuple(sources), effects, found.base[rows, chosen], _scale(encoder, found.link))


def _chosen(encoder: Encoder, predictions: Predictions, outputs: Floats) -> NDArray[np.int64]:
    """(rows,) The index of the output that is explained."""
    import numpy as np

    if outputs.shape[1] == 1:
        return np.zeros(len(outputs), np.int64)
    if predictions.probabilities is not None:
        return predictions.values.astype(np.int64)
    # Crossing quantiles are sorted in predictions.
    unit = undone(encoder.label_transform, outputs)
    nearest: NDArray[np.int64] = abs(unit - predictions.values[:, None]).argmin(axis=1)
    return nearest


def _scale(encoder: Encoder, link: str) -> str:
    if link == "log odds":
        levels = encoder.label_levels
        return f"log odds of {levels[1]}" if len(levels) == 2 else "log odds of the chosen level"
    unit = encoder.label_unit or encoder.label
    transform = "log" if link == "log" else encoder.label_transform
    return unit if transform == "none" else f"{transform} {unit}"


def _cell(columns: Mapping[str, Any] | None, name: str, row: int) -> dict[str, str]:
    """The raw cell; empty for a derived column, or if rows were sent encoded."""
    if columns is None or name not in columns:
        return {}
    cell = columns[name][row]
    return {"value": "" if is_missing(cell) else text_of(cell)[:_LONGEST_CELL]}
