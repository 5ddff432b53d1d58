"""Inputs from MLflow's callers -> raw rows as CSV for an endpoint."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from housing.data.cells import is_missing, text_of
from housing.data.number_format import PLAIN, NumberFormat
from housing.errors import DataError

_ROWS_A_REQUEST = 2000  # a row of raw CSV is about 500 bytes, and an endpoint takes 6 MB


def as_csv(inputs: Any, numbers: NumberFormat = PLAIN) -> Iterator[str]:
    """A DataFrame, mappings or columns as CSV, in pieces small enough for a request, each with a header. Raises
    DataError.

    Numbers are written in the format of the dataset's files; texts are assumed to be in it already.
    """
    import pandas

    try:
        frame = inputs if isinstance(inputs, pandas.DataFrame) else pandas.DataFrame(inputs)
    except ValueError as error:
        raise DataError(f"inputs are not rows with column names: {error}") from error
    if frame.empty:
        raise DataError("inputs have no rows")
    # Not pandas' own CSV: in a column with missing values it would write the level 20 as "20.0".
    columns = [[_cell(cell, numbers) for cell in frame[name].tolist()] for name in frame.columns]
    rows = list(zip(*columns, strict=True))
    for first in range(0, len(rows), _ROWS_A_REQUEST):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(frame.columns)
        writer.writerows(rows[first : first + _ROWS_A_REQUEST])
        yield text.getvalue()


def _cell(cell: object, numbers: NumberFormat) -> str:
    if is_missing(cell):
        return ""
    # "1.234" would read as a thousand where a point separates thousands.
    return text_of(cell) if isinstance(cell, str) else numbers.of_plain(text_of(cell))
