"""Where and why a model errs: its worst slices, its errors by column, and what moved its worst predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from housing.algorithms.registry import find
from housing.errors import DataError
from housing.tasks import base as tasks
from housing.workflow.headline import JudgedPart, judged_by, label_of, weights_of
from housing.workflow.session import Session

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.data.table import Table
    from housing.reporting.job_plots import Answered
    from housing.reporting.judged import Why
    from housing.reporting.page import Grid, Part
    from housing.tasks.predictions import Predictions
    from housing.training.explanations import Explanations
    from housing.training.job import TrainingResult

_MOVED_BY = 3


def slice_parts(
    session: Session, predictions: Predictions, *, part: JudgedPart, title: str, by_rows: bool
) -> list[Grid]:
    """The metric for comparisons over slices of a part; empty where rows are judged by groups.

    `title` names the metric with its unit. `by_rows`: only if the metric is a mean over rows, which is fast.
    """
    from housing.reporting.slices import slice_grids
    from housing.training.slices import slices_of

    dataset, prepared = session.experiment.dataset, session.prepared
    metric = tasks.metrics(dataset.task_name)[judged_by(session)]
    sample, places = prepared.sample, prepared.sample.places[part]
    if tasks.find(dataset.task_name).has_groups or not len(places) or (by_rows and metric.of_rows is None):
        return []
    found = slices_of(
        ((column, sample.of(column, part)) for column in dataset.inputs if column in prepared.table),
        label_of(session, part)[places],
        predictions.weighed(weights_of(session, part)).take(places),
        metric=metric,
        seed=session.experiment.seed,
    )
    return list(slice_grids(found, metric=title, part=part, part_rows=len(predictions.values)))


def error_charts(session: Session, answered: Answered, columns: Sequence[str], *, part: JudgedPart) -> Iterator[Part]:
    """The errors of numeric predictions over these raw columns."""
    from housing.reporting.slices import errors_by_column

    sample = session.prepared.sample
    cells = {name: sample.of(name, part) for name in columns}
    if (charts := errors_by_column(answered.take(sample.places[part]), cells, part=part)) is not None:
        yield charts


class RawRows:
    """A few rows of a part, as they are in the table: read once for all who ask for the same ones."""

    def __init__(self, session: Session, *, part: JudgedPart) -> None:
        self._table = session.prepared.table
        self._rows = getattr(session.prepared.parts, part)
        self._newest = lru_cache(maxsize=1)(self._read)

    def of(self, rows: Sequence[int]) -> Table:
        """The part's rows at these indices, in memory, in this order."""
        return self._newest(tuple(rows))

    def _read(self, rows: Sequence[int]) -> Table:
        return self._table.take(self._rows[list(rows)]).held()


def why_of(session: Session, result: TrainingResult, encoder: Encoder, predictions: Predictions, raw: RawRows) -> Why:
    """A function that explains the predictions of a part's rows in words."""

    def why(rows: Sequence[int]) -> tuple[str, Sequence[str]] | None:
        import numpy as np

        from housing.training.explanations import explain

        table = raw.of(rows)
        try:
            model: Any = find(session.reader(result)).load(result.model)
            found = explain(model, encoder, encoder.transform(table), predictions.take(np.array(rows)))
        except (DataError, ValueError):
            return None
        return found.scale, [_told(found, table, row) for row in range(len(rows))]

    return why


def _told(found: Explanations, table: Mapping[str, Any], row: int) -> str:
    from housing.reporting.scales import readable

    words = []
    for column, effect in found.largest(row, _MOVED_BY):
        cell = table[column][row] if column in table else None
        value = f"={readable(cell) if isinstance(cell, float) else cell}" if cell is not None else ""
        words.append(f"{column}{value} {'+' if effect >= 0 else ''}{readable(effect)}")
    return "; ".join(words)
