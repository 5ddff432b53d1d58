"""Inputs of MLflow's callers -> raw rows as an endpoint takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from housing.errors import DataError

_ROWS_A_REQUEST = 2000  # a row of raw CSV is about 500 bytes, and an endpoint takes 6 MB


def as_csv(inputs: Any) -> Iterator[str]:
    """Raw rows in pieces that an endpoint takes, each with the header. Raises DataError."""
    import pandas

    try:
        frame = inputs if isinstance(inputs, pandas.DataFrame) else pandas.DataFrame(inputs)
    except ValueError as error:
        raise DataError(f"inputs are not rows with column names: {error}") from error
    if frame.empty:
        raise DataError("inputs have no rows")
    # pandas makes whole numbers fractions in a column that lacks some; a level "20" would become "20.0".
    frame = frame.convert_dtypes(convert_string=False, convert_boolean=False)
    for first in range(0, len(frame), _ROWS_A_REQUEST):
        yield frame[first : first + _ROWS_A_REQUEST].to_csv(index=False)
