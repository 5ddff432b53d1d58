"""Columns of numbers, recognised without reading each cell by itself, with all that `housing describe` needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import HIGHEST_EXACT
from housing.data.collectors import is_text
from housing.data.number_format import PLAIN, NumberFormat
from housing.data.text_bytes import any_has_leading_zero, text_bytes
from housing.data.text_columns import TextCells, TextColumn

if TYPE_CHECKING:
    import pyarrow as pa

MISSING_ANYWHERE = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null")
# On their own these may be levels; among numbers they can only mean missing.
MISSING_BESIDE_NUMBERS = ("?", "-", "--", ".", "None", "none", "unknown", "missing")
_MISSING = (*MISSING_ANYWHERE, *MISSING_BESIDE_NUMBERS)


@dataclass(frozen=True)
class NumberColumn:
    """`present` of `rows` cells are plain numbers; the others are empty, or one of `missing_texts`.

    `values` holds the present ones if all are whole numbers (`whole`), or if they were requested. `pointed`: some are
    written with a point.
    """

    rows: int
    present: int
    low: float
    high: float
    whole: bool
    missing_texts: frozenset[str]
    values: NDArray[np.float64] | None
    pointed: bool = False

    @property
    def distinct(self) -> int:
        """The number of different values, where these were kept."""
        return 0 if self.values is None else len(np.unique(self.values))


class NumberCells:
    """Reads a column, piece by piece, as long as its cells are numbers in a format, or missing."""

    def __init__(self, *, keeps_values: bool, form: NumberFormat = PLAIN, keeps_odd: bool = False) -> None:
        """`keeps_odd`: a few cells may be other texts, which are kept as `odd`."""
        self._keeps_values = keeps_values
        self._form = form
        self._whole = True
        self._pointed = False
        self._rows = self._present = 0
        self._low, self._high = np.inf, -np.inf
        self._missing: set[str] = set()
        self._values: list[NDArray[np.float64]] = []
        self._odd = TextCells() if keeps_odd else None
        self.is_given_up = False

    def take(self, cells: pa.Array) -> None:
        """The next cells; sets `is_given_up` where they are not numbers or missing."""
        if self.is_given_up:
            return
        rows, found, odd = len(cells), _numbers(cells, self._missing, self._form), None
        if found is None and self._odd is not None and is_text(cells.type):
            cells, odd = _parted(cells, self._form)
            found = _numbers(cells, self._missing, self._form)
        if found is None or not self._bears(odd, rows):
            self.is_given_up = True
            self._values.clear()
            return
        self._rows += rows
        self._present += len(found)
        if len(found):
            self._low, self._high = min(self._low, found.min()), max(self._high, found.max())
            self._whole = self._whole and bool((found == np.floor(found)).all())
            self._pointed = self._pointed or _is_pointed(cells)
        if self._whole or self._keeps_values:
            self._values.append(found)
        else:
            self._values.clear()

    def _bears(self, odd: pa.Array | None, rows: int) -> bool:
        """Note odd cells; whether there are still few of them."""
        import pyarrow as pa

        if self._odd is None:
            return True
        self._odd.take(odd if odd is not None else pa.nulls(rows))
        return self._odd.different <= _MOST_ODD

    @property
    def odd(self) -> TextColumn:
        """The cells that are not numbers."""
        return self._odd.column() if self._odd is not None else TextColumn.empty(self._rows)

    def column(self) -> NumberColumn | None:
        """The column; None where it has fewer than two different numbers: these need a look at the cells."""
        if self.is_given_up or not self._present or self._low == self._high:
            return None
        kept = np.concatenate(self._values) if self._values else None
        return NumberColumn(
            self._rows,
            self._present,
            float(self._low),
            float(self._high),
            self._whole,
            frozenset(self._missing),
            kept,
            self._pointed,
        )


_MOST_ODD = 1_000


def _parted(cells: pa.Array, form: NumberFormat) -> tuple[pa.Array, pa.Array]:
    """The cells that are numbers or missing; and the other cells at their rows, null elsewhere."""
    import pyarrow as pa
    import pyarrow.compute as pc

    good = pc.or_(form.matches(cells), pc.is_in(cells, value_set=pa.array(_MISSING, cells.type))).fill_null(True)
    return cells.filter(good), pc.if_else(good, pa.scalar(None, cells.type), cells)


def _is_pointed(cells: pa.Array) -> bool:
    import pyarrow as pa

    return b"." in text_bytes(cells)[1] if is_text(cells.type) else pa.types.is_floating(cells.type)


def _numbers(cells: pa.Array, missing: set[str], form: NumberFormat) -> NDArray[np.float64] | None:
    """The present numbers; None unless each is certainly read as `cells.number` would. Adds to the texts of
    `missing`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_text(cells.type):
        return _numbers_of_type(cells)
    try:
        plain = form.plain_array(cells)
        found = pc.cast(plain, pa.float64())
    except pa.ArrowInvalid:
        means_nothing = pc.is_in(cells, value_set=pa.array(_MISSING, cells.type))
        texts = pc.unique(cells.filter(means_nothing)).to_pylist()
        try:
            plain = form.plain_array(cells.filter(pc.invert(means_nothing)))
            found = pc.cast(plain, pa.float64())
        except pa.ArrowInvalid:
            return None
        missing.update(texts)
    numbers: NDArray[np.float64] = found.drop_null().to_numpy(zero_copy_only=False)
    # Not written as "nan" or "inf", and without more digits than float64 holds.
    if not (np.abs(numbers) < HIGHEST_EXACT).all() or any_has_leading_zero(plain):
        return None
    return numbers


def _numbers_of_type(cells: pa.Array) -> NDArray[np.float64] | None:
    """The same for cells of a numeric type, in which null and NaN mean missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = cells.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    numbers: NDArray[np.float64] = pc.cast(cells, pa.float64(), safe=False).drop_null().to_numpy(zero_copy_only=False)
    numbers = numbers[~np.isnan(numbers)]
    return numbers if (np.abs(numbers) < HIGHEST_EXACT).all() else None
