"""Derived columns: their declaration and their computation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from housing.data.faults import listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Operation = Literal[
    "sum", "difference", "product", "ratio", "log", "bin", "is_missing", "less", "greater", "equal", "elapsed_days"
]
OPERATIONS: tuple[str, ...] = get_args(Operation)
OF_ANY_KIND, OF_DATES = ("is_missing",), ("elapsed_days",)
"""Operations on columns of any kind, and on dates; all others take numbers."""

_ARITHMETIC = ("sum", "difference", "product", "ratio")
_COMPARISONS = ("less", "greater", "equal")


@dataclass(frozen=True)
class Derived:
    """A column computed from columns of the file, left to right.

    `sum`, `difference`, `product`, `ratio` take two numbers or more; a ratio to 0 is missing. `log` is the natural
    logarithm of one, missing where it is 0 or less. `bin` counts the `edges`, lowest first, that one reaches. `less`,
    `greater`, `equal` compare two, or one with `value`: 1 or 0. `elapsed_days` go from the second date to the first.
    `is_missing` is 1 where any column has no value, else 0. The result is missing where one of the columns is; a number
    that is missing because there is none counts as 0.
    """

    operation: Operation
    columns: tuple[str, ...]
    edges: tuple[float, ...] | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        least, most = self._count()
        if not least <= len(self.columns) <= most:
            wanted = "two or more columns" if most > least else f"{('one', 'two')[least - 1]} column{'s'[: least - 1]}"
            raise ValueError(f"a {self.operation} needs {wanted}, got {listed(self.columns) or 'none'}")
        if (self.operation == "bin") != bool(self.edges):
            raise ValueError("edges: a bin needs them, lowest first" if not self.edges else "edges: belong to a bin")
        if self.edges and (list(self.edges) != sorted({*self.edges}) or not all(map(math.isfinite, self.edges))):
            raise ValueError(f"edges: must be finite numbers in rising order, none twice, got {list(self.edges)}")
        if self.value is not None and (self.operation not in _COMPARISONS or not math.isfinite(self.value)):
            raise ValueError(f"value: is a finite number to compare with, for {' or '.join(_COMPARISONS)}")

    def _count(self) -> tuple[int, int]:
        if self.operation in _ARITHMETIC:
            return 2, 1_000_000
        of_two = self.operation == "elapsed_days" or (self.operation in _COMPARISONS and self.value is None)
        return (2, 2) if of_two else (1, 1)


def compute(derived: Derived, numbers: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """(rows,) of the result. `numbers` holds the columns: dates as days, and for `is_missing` 1 where a cell is
    missing.
    """
    import numpy as np

    first, *others = (numbers[name] for name in derived.columns)
    operation = derived.operation
    if operation in _COMPARISONS:
        other = others[0] if others else np.full(len(first), derived.value)
        compared = {"less": np.less, "greater": np.greater, "equal": np.equal}[operation](first, other)
        return np.where(np.isnan(first) | np.isnan(other), np.nan, compared)
    if operation == "bin":
        reached = np.searchsorted(np.array(derived.edges), first, side="right")
        return np.where(np.isnan(first), np.nan, reached)
    if operation == "log":
        return np.log(np.where(first > 0, first, np.nan))
    result = first.copy()
    for other in others:
        if operation == "sum":
            result += other
        elif operation in ("difference", "elapsed_days"):
            result -= other
        elif operation == "product":
            result *= other
        else:
            result /= np.where(other == 0, np.nan, other)
    return result
