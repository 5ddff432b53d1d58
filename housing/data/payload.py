"""Parses the rows of a prediction request: raw rows as CSV or records, or encoded rows."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from housing.data import plain_numbers
from housing.data.cells import is_number, number
from housing.data.faults import Faults, listed, repeated, shown
from housing.errors import DataError

_EXAMPLES = 3


def is_encoded(text: str, required: Sequence[str]) -> bool:
    """Whether the first line consists of numbers and empty cells, and is not a header with such names.

    Raises DataError when it is not CSV.
    """
    line = text.partition("\n")[0].removesuffix("\r")
    if line.isascii() and (found := plain_numbers.from_line(line.encode())) is not None and found.size:
        return required[0] not in (cells := line.split(",")) or not set(required) <= set(cells)
    first = header_of(text)
    return not set(required) <= set(first) and all(not cell or is_number(cell) for cell in first)


def header_of(text: str) -> list[str]:
    """The first non-blank row of CSV text; empty where there is none. Raises DataError when it is not CSV."""
    return next(_rows(text), [])


def rows_from_csv(text: str, required: Sequence[str]) -> dict[str, list[str]]:
    """The required columns of CSV text with a header. Other columns, such as the label, are ignored.

    Raises DataError on a missing column, a ragged row, broken quotes, or no rows at all.
    """
    header, *rows = _parsed(text)
    present = set(header)
    if absent := [name for name in required if name not in present]:
        raise DataError(
            f"rows: the header lacks {len(absent):,} of {len(required):,} columns: {listed(absent)}; "
            f"it has {listed(header)}"
        )
    if len(present) < len(header) and (twice := [name for name in repeated(header) if name in required]):
        raise DataError(f"rows: the header has a column more than once: {listed(twice)}")
    if not rows:
        raise DataError("rows: there are no rows below the header")
    _refuse_ragged(rows, len(header), "the header")
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    found: dict[str, list[str]] = {name: list(columns[name]) for name in required}
    if "\0" in text:
        _refuse_nul(found)
    return found


def rows_from_records(records: Sequence[object], required: Sequence[str]) -> dict[str, list[object]]:
    """The required columns of rows given as mappings; null is missing. Raises DataError; rows count from 1."""
    if not records:
        raise DataError("rows: there are none")
    faults = Faults("rows")
    whole: list[Mapping[str, object]] = []
    for row, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            faults.add("not an object with column names", example=f"row {row} is {shown(record)}")
            continue
        whole.append(record)
        if absent := [name for name in required if name not in record]:
            faults.add(
                "rows that lack columns", example=f"row {row} lacks {listed(absent, 3)}", way_out="null is missing"
            )
    faults.raise_any()
    columns = {name: [record[name] for record in whole] for name in required}
    _refuse_nul(columns)
    return columns


def encoded_from_csv(text: str, width: int) -> NDArray[np.float32]:
    """(rows, width) of encoded rows without header or label; an empty cell is NaN.

    Raises DataError for rows of another width, which XGBoost would accept silently, with wrong predictions.
    """
    if text.isascii() and (plain := plain_numbers.from_lines(text.replace("\r\n", "\n").encode(), width)) is not None:
        return _finite(plain)
    rows = _parsed(text)
    _refuse_ragged(rows, width, "the model")
    try:
        matrix = np.array([[number(cell) if cell else math.nan for cell in row] for row in rows], np.float64)
    except ValueError:
        faults = Faults("encoded rows")
        for row, cells in enumerate(rows, 1):
            for cell in cells:
                if cell and not is_number(cell):
                    faults.add("not a number", example=f"{shown(cell)} (row {row})")
        faults.raise_any()
        raise
    return _finite(matrix)


def _finite(matrix: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        single = matrix.astype(np.float32)
    if np.isinf(single).any():
        raise DataError("encoded rows: a value is too large for 32-bit floating point")
    return single


def _parsed(text: str) -> list[list[str]]:
    """The rows, at least one; blank lines are skipped."""
    if not (found := list(_rows(text))):
        raise DataError("rows: the text is empty")
    return found


def _rows(text: str) -> Iterator[list[str]]:
    """The rows of CSV text, whose lines may end with LF, CR LF or CR; blank lines are skipped."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        raise DataError(f"rows: line {reader.line_num} is not CSV ({error})") from None


def _refuse_ragged(rows: Sequence[Sequence[str]], width: int, measure: str) -> None:
    ragged = [place for place, row in enumerate(rows, 1) if len(row) != width]
    faults = Faults("rows")
    fault = f"{measure} has {width:,} columns"
    for place in ragged[:_EXAMPLES]:
        faults.add(fault, example=f"row {place} has {len(rows[place - 1])}")
    if more := len(ragged[_EXAMPLES:]):
        faults.add(fault, times=more)
    faults.raise_any()


def _refuse_nul(columns: Mapping[str, Sequence[object]]) -> None:
    """Refuse NUL, which no level or number contains; otherwise it would silently make an unseen level."""
    faults = Faults("rows")
    for name, cells in columns.items():
        for row, cell in enumerate(cells, 1):
            if isinstance(cell, str) and "\0" in cell:
                faults.add(f"{name}: NUL characters", example=f"{shown(cell)} (row {row})")
    faults.raise_any()
