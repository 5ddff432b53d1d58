"""The parts of a table as declared."""

from __future__ import annotations

import math
from dataclasses import dataclass

from housing.data.faults import listed, repeated


@dataclass(frozen=True)
class Fractions:
    """Shares of the rows that `split.by_column` does not claim; they sum to 1."""

    train: float
    validation: float
    test: float = 0.0

    def __post_init__(self) -> None:
        for key in ("train", "validation", "test"):
            if not 0 <= getattr(self, key) <= 1:
                raise ValueError(f"{key} must lie in [0, 1], got {getattr(self, key)}")
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1, abs_tol=1e-9):
            raise ValueError(f"train + validation + test must sum to 1, got {total:g}")


@dataclass(frozen=True)
class ByColumn:
    """Rows claimed by the value of one column, as text; `null` in a list stands for a missing value."""

    column: str
    train: tuple[str | None, ...] = ()
    validation: tuple[str | None, ...] = ()
    test: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        values = (*self.train, *self.validation, *self.test)
        if not values:
            raise ValueError("at least one of train, validation and test must list a value")
        if twice := repeated(values):
            raise ValueError(f"a value belongs to one part, once; listed again: {listed(twice)}")


@dataclass(frozen=True)
class Split:
    """Parts of a table: rows claimed `by_column` first, the rest at random by `fractions`.

    With `stratify` every level of the label has its share of each part, as it has where nothing is said.
    """

    fractions: Fractions | None = None
    by_column: ByColumn | None = None
    seed: int = 0
    stratify: bool | None = None

    def __post_init__(self) -> None:
        if self.fractions is None and self.by_column is None:
            raise ValueError("give fractions, by_column or both")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must lie in [0, 2**32), got {self.seed}")
