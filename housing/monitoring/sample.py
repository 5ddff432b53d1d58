"""Captured requests -> columns comparable with those of training: raw, or encoded behind a plain container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from housing.data.answers import read
from housing.data.cells import is_missing, number, text_of
from housing.data.content_type import JSON, JSON_LINES
from housing.data.description import Dataset, Identifier, Numeric
from housing.data.encoder import Encoder
from housing.data.json_rows import records_from_json, records_from_json_lines
from housing.data.number_format import NumberFormat
from housing.data.payload import header_of, rows_from_csv
from housing.data.table import Table
from housing.errors import DataError
from housing.monitoring.ab_test import Answer
from housing.monitoring.captured import CapturedRows
from housing.tasks.predictions import Predictions, of_matrix

_RECORDS = {JSON: records_from_json, JSON_LINES: records_from_json_lines}

Columns = Mapping[str, NDArray[Any]]
"""Numbers as float64, NaN for missing; anything else as str, None for missing. All of equal length."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that one variant got, in the order in which they came. All are raw, or all are encoded.

    `answers` are its predictions, NaN where none was kept. `ids` are from a column that names rows; None where rows
    lack it, as encoded rows always do. Requests that cannot be read, and those in the other form, are counted.
    """

    columns: Columns
    encoded: bool
    answers: Predictions
    ids: tuple[str | None, ...]
    unread: int
    other_form: int

    @property
    def rows(self) -> int:
        return len(self.answers.values)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """(rows,) Whether the answer was kept."""
        return ~np.isnan(self.answers.values)

    @property
    def by_id(self) -> dict[str, Answer]:
        """Answers by row id; the last one where an id occurs twice."""
        return {
            row: tuple(answer)
            for row, answer in zip(self.ids, self.answers.matrix().tolist(), strict=True)
            if row is not None and not np.isnan(answer[0])
        }

    def take(self, mask: NDArray[np.bool_]) -> Sample:
        """The rows that `mask` selects."""
        columns = {name: cells[mask] for name, cells in self.columns.items()}
        ids = tuple(row for row, taken in zip(self.ids, mask, strict=True) if taken)
        return replace(self, columns=columns, answers=self.answers.take(np.flatnonzero(mask)), ids=ids)

    def named_by(self, rows: NDArray[np.float32], ids: Sequence[str]) -> Sample:
        """The same rows, each with the id of that one of `rows`, (ids, columns), which has the same encoding."""
        names = {row.tobytes(): name for row, name in zip(rows, ids, strict=True)}
        matrix = self.matrix()
        return replace(self, ids=tuple(names.get(row.tobytes()) for row in matrix))

    def matrix(self) -> NDArray[np.float32]:
        """Encoded rows as a model takes them, (rows, columns)."""
        return np.column_stack([*self.columns.values()]).astype(np.float32)

    def without_answers(self) -> Sample:
        """The same rows, as if no answer had been kept."""
        nothing = np.full(self.answers.matrix().shape, np.nan)
        return replace(self, answers=of_matrix(nothing, tuple(self.answers.quantiles or ())))


def sample_of(
    requests: Sequence[CapturedRows], dataset: Dataset, encoder: Encoder, *, id_column: str | None
) -> Sample | None:
    """The sample; None when no request can be read. Where both forms occur, the one with more rows is taken."""
    unread = 0
    raw: list[_Raw] = []
    encoded: list[_Encoded] = []
    for request in requests:
        try:
            if request.content_type in _RECORDS or not encoder.is_encoded(request.rows):
                raw.append(_raw(request, dataset, encoder, id_column))
            else:
                encoded.append(_encoded(request, encoder))
        except DataError:
            # A client's mistake, which the endpoint answered with an error, is no row.
            unread += 1
    raw_rows, encoded_rows = (sum(len(one.answers) for one in form) for form in (raw, encoded))
    if not raw_rows and not encoded_rows:
        return None
    if raw_rows >= encoded_rows:
        joined = {name: [cell for one in raw for cell in one.cells[name]] for name in encoder.required}
        columns = {name: _array(name, cells, dataset) for name, cells in joined.items()}
        ids = tuple(row for one in raw for row in one.ids)
        return Sample(columns, False, _joined(raw, encoder), ids, unread, len(encoded))
    matrix = np.concatenate([one.matrix for one in encoded]).astype(np.float64)
    ids = (None,) * len(matrix)
    return Sample(
        dict(zip(encoder.columns, matrix.T, strict=True)), True, _joined(encoded, encoder), ids, unread, len(raw)
    )


def trained(rows: Table, encoder: Encoder, *, encoded: bool) -> Columns:
    """The rows that a model was trained on, raw or encoded as its variant's requests are."""
    if not encoded:
        return {name: rows[name] for name in encoder.required}
    return dict(zip(encoder.columns, encoder.transform(rows).astype(np.float64).T, strict=True))


def id_column(dataset: Dataset, header: Iterable[str]) -> str | None:
    """The dataset's first identifier column that is in the header; None where there is none."""
    present = set(header)
    names = (n for n, c in dataset.columns.items() if isinstance(c, Identifier) and c.unique)
    return next((name for name in names if name in present), None)


@dataclass(frozen=True, eq=False)
class _Raw:
    cells: Mapping[str, Sequence[object]]
    ids: Sequence[str | None]
    answers: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Encoded:
    matrix: NDArray[np.float32]
    answers: NDArray[np.float64]


def _raw(request: CapturedRows, dataset: Dataset, encoder: Encoder, named_by: str | None) -> _Raw:
    cells: Mapping[str, Sequence[object]]
    if read := _RECORDS.get(request.content_type):
        records = read(request.rows)
        cells = encoder.rows_from_records(records)
        ids: list[str | None] = [_id(record.get(named_by)) if named_by else None for record in records]
    else:
        has_ids = named_by is not None and named_by in header_of(request.rows)
        asked = [*encoder.required, *([named_by] if named_by and has_ids else [])]
        cells = rows_from_csv(request.rows, asked)
        count = len(next(iter(cells.values())))
        ids = [_id(cell) for cell in cells[named_by]] if named_by and has_ids else [None] * count
    plain = {name: _plain(name, cells[name], dataset) for name in encoder.required}
    return _Raw(plain, ids, _answers(request, encoder, len(ids)))


def _encoded(request: CapturedRows, encoder: Encoder) -> _Encoded:
    matrix = encoder.encoded_from_csv(request.rows)
    return _Encoded(matrix, _answers(request, encoder, len(matrix)))


def _id(cell: object) -> str | None:
    return None if is_missing(cell, ("",)) else text_of(cell)


def _answers(request: CapturedRows, encoder: Encoder, rows: int) -> NDArray[np.float64]:
    """As `Predictions.matrix`; NaN where no answer was kept, or it has another number of rows."""
    nothing = np.full((rows, 1 + len(encoder.label_levels) + len(encoder.quantiles)), np.nan)
    try:
        found = read(request.answer, encoder, encoded=request.encoded).matrix()
    except DataError:
        return nothing
    return found if found.shape == nothing.shape else nothing


def _joined(requests: Sequence[_Raw] | Sequence[_Encoded], encoder: Encoder) -> Predictions:
    return of_matrix(np.concatenate([one.answers for one in requests]), encoder.quantiles)


def _plain(name: str, cells: Sequence[object], dataset: Dataset) -> list[object]:
    """A column's cells as numbers or as text. Raises DataError where the endpoint did."""
    texts = dataset.missing_texts
    if isinstance(dataset.columns.get(name), Numeric):
        return [np.nan if is_missing(cell, texts) else _number(cell, dataset.number_format) for cell in cells]
    return [None if is_missing(cell, texts) else text_of(cell) for cell in cells]


def _number(cell: object, form: NumberFormat) -> float:
    try:
        return form.number(cell) if isinstance(cell, str) else number(text_of(cell))
    except ValueError as error:
        raise DataError(f"{cell!r} is not a number") from error


def _array(name: str, cells: Sequence[object], dataset: Dataset) -> NDArray[Any]:
    return np.array(cells, np.float64 if isinstance(dataset.columns.get(name), Numeric) else object)
