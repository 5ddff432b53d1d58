"""Reads many rows of CSV into columns by Arrow: numbers, and levels as dictionaries of texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# From here on whole numbers lose digits.
_EXACT = 2.0**53

Column = NDArray[np.float64] | tuple[Sequence[str], NDArray[np.int32]]
"""Numbers, NaN for missing; or the different texts, and each row's index among them."""


def read(
    rows: bytes, width: int, are_numbers: Mapping[int, bool], missing_texts: Collection[str]
) -> dict[int, Column] | None:
    """Columns by position, of rows without a header, quotes or NULs; None where a cell is not certainly a number."""
    import pyarrow as pa
    from pyarrow import csv

    names = {place: str(place) for place in are_numbers}
    texts = pa.dictionary(pa.int32(), pa.string())
    try:
        table = csv.read_csv(
            pa.BufferReader(rows),
            read_options=csv.ReadOptions(
                column_names=[str(place) for place in range(width)], use_threads=False, block_size=len(rows) + 1
            ),
            parse_options=csv.ParseOptions(quote_char=False),
            convert_options=csv.ConvertOptions(
                include_columns=list(names.values()),
                column_types={names[place]: pa.float64() if one else texts for place, one in are_numbers.items()},
                null_values=sorted(missing_texts),
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowException:
        return None
    columns = dict(zip(table.column_names, (column.combine_chunks() for column in table.columns), strict=True))
    numbers = _exact([columns[names[place]] for place, is_number in are_numbers.items() if is_number])
    if numbers is None:
        return None
    left = iter(numbers)
    return {
        place: next(left) if is_number else _texts(columns[names[place]]) for place, is_number in are_numbers.items()
    }


def _exact(columns: Sequence[Any]) -> NDArray[np.float64] | None:
    """(columns, rows); None where a text was taken for no number, for an endless one, or lost digits."""
    values = np.empty((len(columns), len(columns[0]) if columns else 0))
    for place, column in enumerate(columns):
        values[place] = column.to_numpy(zero_copy_only=False)
    # All columns at once: the overhead of each would exceed the work on its numbers.
    if np.count_nonzero(np.isnan(values)) != sum(column.null_count for column in columns):
        return None
    return None if np.fmax.reduce(np.abs(values), axis=None, initial=0) >= _EXACT else values


def _texts(column: Any) -> tuple[Sequence[str], NDArray[np.int32]]:
    return column.dictionary.to_pylist(), column.indices.to_numpy(zero_copy_only=False)
