"""Predictions with requested intervals and explanations: computed, and written as text.

| form      | a row                                                                                                |
|-----------|------------------------------------------------------------------------------------------------------|
| JSON      | `{"prediction": ..., "interval": {"coverage", "low", "high"}, "explanation": {"base", "effects"}}`   |
| CSV       | the prediction, low and high (or levels, by `|`), base, column and effect by turns, the other effects |

For levels, `interval` has `levels` instead of both ends.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from housing.data.content_type import CSV, JSON_LINES
from housing.data.extras import Extras
from housing.tasks import written
from housing.tasks.predictions import Predictions
from housing.training.explanations import Explanations, explain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame

    from housing.data.encoder import Encoder
    from housing.data.intervals import Ranges


@dataclass(frozen=True, eq=False)
class Detailed:
    """`columns` are the raw rows, None if rows were sent encoded."""

    predictions: Predictions
    encoder: Encoder
    extras: Extras
    columns: Mapping[str, Any] | None
    ranges: Ranges | None = None
    explanations: Explanations | None = None

    def documents(self) -> list[dict[str, Any]]:
        """JSON values, one for each row."""
        plain = written.documents(self.predictions, self.encoder.label_levels)
        found = [one if isinstance(one, dict) else {written.PREDICTION: one} for one in plain]
        for key, documents in self._beside().items():
            for one, beside in zip(found, documents, strict=True):
                one[key] = beside
        return found

    def write(self, form: str) -> str:
        """The predictions as text in one of `content_type.FORMS`."""
        if form == JSON_LINES:
            return "".join(f"{json.dumps(one)}\n" for one in self.documents())
        if form != CSV:
            return json.dumps({"predictions": self.documents()})
        text = io.StringIO()
        rows = written.rows(self.predictions, self.encoder.label_levels)
        for documents in self._beside().values():
            for row, document in zip(rows, documents, strict=True):
                row.extend(written.beside_cells(document))
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()

    def frame(self) -> DataFrame:
        """A column for each cell of a CSV row of `write`; the first is always `prediction`."""
        import pandas

        names = [written.PREDICTION, *self.encoder.answer_columns[1:]]
        rows = written.rows(self.predictions, self.encoder.label_levels)
        for documents in self._beside().values():
            names += written.beside_columns(documents[0]) if documents else []
            rows = [[*row, *written.beside_cells(one)] for row, one in zip(rows, documents, strict=True)]
        return pandas.DataFrame(rows, columns=names)

    def _beside(self) -> dict[str, list[dict[str, Any]]]:
        found = {}
        if self.ranges is not None:
            found[written.INTERVAL] = self.ranges.documents(self.encoder.label_levels)
        if self.explanations is not None and self.extras.explain is not None:
            found[written.EXPLANATION] = self.explanations.documents(self.extras.explain, self.columns)
        return found


def detailed(
    model: Any, encoder: Encoder, matrix: NDArray[np.float32], columns: Mapping[str, Any] | None, extras: Extras
) -> Detailed:
    """From encoded rows, and their raw `columns`, if any. Raises DataError for requests that the model cannot meet."""
    predictions = encoder.decode(model.predict(matrix))
    ranges = explanations = None
    if extras.interval is not None:
        ranges = encoder.ranges(predictions, columns, matrix, coverage=extras.interval)
    if extras.explain is not None:
        explanations = explain(model, encoder, matrix, predictions)
    return Detailed(predictions, encoder, extras, columns, ranges, explanations)
