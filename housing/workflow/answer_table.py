"""Predictions as rows of CSV: the prediction, what accompanies it, the answering variant, the explanation."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from housing.data.description import Dataset
from housing.targets.base import Prediction
from housing.tasks import written
from housing.tasks.written import WrittenNumbers, beside_cells, beside_columns
from housing.workflow.explained import explanation_columns, with_explanations

Cells = list[float | str]


@dataclass(frozen=True)
class AnswerTable:
    """Makes tables of answers for a dataset's label."""

    dataset: Dataset

    def columns(self, predictions: Sequence[Prediction]) -> list[str]:
        """The columns, without the answering variant and explanations, which follow in this order."""
        dataset = self.dataset
        intervals = next((document for one in predictions for document in one.intervals), None)
        return [
            *written.columns(dataset.label, dataset.label_levels, dataset.quantiles or ()),
            *(beside_columns(intervals) if intervals is not None else ()),
        ]

    def rows(self, predictions: Sequence[Prediction]) -> list[tuple[float | str, ...]]:
        """One row per answer: a cell for each of `columns`, and the variant."""
        names = [*self.dataset.label_levels, *map(str, self.dataset.quantiles or ())]
        return [
            (*cells, *beside, one.variant)
            for one in predictions
            for cells, beside in zip(cells_of(one, names), _interval_cells(one), strict=True)
        ]

    def csv(self, predictions: Sequence[Prediction], *, header: bool = True) -> str:
        """The whole table as CSV, with Unix line ends."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if header:
            writer.writerow((*self.columns(predictions), "variant", *explanation_columns(predictions)))
        for one in predictions:
            if isinstance(one.values, WrittenNumbers) and not (one.intervals or one.explanations):
                text.write(one.values.lines(f",{one.variant}"))
            elif one.beside or one.intervals or one.explanations or not all(map(_is_float, one.values)):
                writer.writerows(with_explanations(self.rows([one]), [one]))
            else:  # the same text in a tenth of the time
                text.write("".join([f"{value!r},{one.variant}\n" for value in one.values]))
        return text.getvalue()


def _is_float(value: float | str) -> bool:
    return type(value) is float


def cells_of(prediction: Prediction, names: Sequence[str]) -> Iterator[Cells]:
    """The predictions, and what accompanies them for each level or quantile of these names, as columns."""
    beside: Sequence[Mapping[str, float]] = prediction.beside or ({},) * len(prediction.values)
    for value, one in zip(prediction.values, beside, strict=True):
        yield [value, *(one.get(name, math.nan) for name in names)]


def _interval_cells(prediction: Prediction) -> list[Cells]:
    if not prediction.intervals:
        return [[] for _ in prediction.values]
    return [beside_cells(one) for one in prediction.intervals]
