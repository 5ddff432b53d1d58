"""Columns of plain numbers, told without a look at each cell: all that a guess about them needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from housing.data.cells import HIGHEST_EXACT
from housing.data.collectors import is_text

if TYPE_CHECKING:
    import pyarrow as pa

MISSING_ANYWHERE = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null")
# These may be levels; beside numbers they can only mean missing.
MISSING_BESIDE_NUMBERS = ("?", "-", "--", ".", "None", "none", "unknown", "missing")
_MISSING = (*MISSING_ANYWHERE, *MISSING_BESIDE_NUMBERS)


@dataclass(frozen=True)
class NumberColumn:
    """`present` of `rows` cells are plain numbers, the others `missing_texts` or nothing at all.

    `values` are the present ones where `whole` says that all are whole numbers, or where they were asked for.
    """

    rows: int
    present: int
    low: float
    high: float
    whole: bool
    missing_texts: frozenset[str]
    values: NDArray[np.float64] | None

    @property
    def distinct(self) -> int:
        """How many different numbers there are, of values that were kept."""
        return 0 if self.values is None else len(np.unique(self.values))


class NumberCells:
    """Takes a column, piece by piece, for as long as its cells are plain numbers or mean missing."""

    def __init__(self, *, keeps_values: bool) -> None:
        self._keeps_values = keeps_values
        self._whole = True
        self._rows = self._present = 0
        self._low, self._high = np.inf, -np.inf
        self._missing: set[str] = set()
        self._values: list[NDArray[np.float64]] = []

    def takes(self, cells: pa.Array) -> bool:
        """Whether these are such cells as well; the column is given up otherwise."""
        found = _numbers(cells, self._missing)
        if found is None:
            return False
        self._rows += len(cells)
        self._present += len(found)
        if len(found):
            self._low, self._high = min(self._low, found.min()), max(self._high, found.max())
            self._whole = self._whole and bool((found == np.floor(found)).all())
        if self._whole or self._keeps_values:
            self._values.append(found)
        else:
            self._values.clear()
        return True

    def column(self) -> NumberColumn | None:
        """None where there is no number at all, or one alone: a look at the cells says more about these."""
        if not self._present or self._low == self._high:
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
        )


def _numbers(cells: pa.Array, missing: set[str]) -> NDArray[np.float64] | None:
    """Those that are there; None unless each surely is as `cells.number` has it. Adds to the texts of `missing`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not is_text(cells.type):
        return _numbers_of_type(cells)
    try:
        found = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        means_nothing = pc.is_in(cells, value_set=pa.array(_MISSING, cells.type))
        texts = pc.unique(cells.filter(means_nothing)).to_pylist()
        cells = cells.filter(pc.invert(means_nothing))
        try:
            found = pc.cast(cells, pa.float64())
        except pa.ArrowInvalid:
            return None
        missing.update(texts)
    numbers: NDArray[np.float64] = found.drop_null().to_numpy(zero_copy_only=False)
    # Neither written as "nan" or "inf", nor of more digits than a float64 holds.
    if not (np.abs(numbers) < HIGHEST_EXACT).all() or _has_leading_zeros(cells):
        return None
    return numbers


def _numbers_of_type(cells: pa.Array) -> NDArray[np.float64] | None:
    """The same of cells that are numbers already; those that are none mean missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = cells.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    numbers: NDArray[np.float64] = pc.cast(cells, pa.float64(), safe=False).drop_null().to_numpy(zero_copy_only=False)
    numbers = numbers[~np.isnan(numbers)]
    return numbers if (np.abs(numbers) < HIGHEST_EXACT).all() else None


def _has_leading_zeros(cells: pa.Array) -> bool:
    """As postal codes have them."""
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(cells, r"^[-+]?0[0-9]")).as_py())
