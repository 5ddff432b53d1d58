"""How a table is described: its source, its columns, its label and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Missing = Literal["refused", "unknown", "none"]
"""What an empty cell means: an error, a value nobody wrote down, or a thing that is not there."""


@dataclass(frozen=True)
class Numeric:
    """A number; `low` and `high` are the allowed range, both inclusive, in the column's own unit."""

    kind: Literal["numeric"] = "numeric"
    low: float | None = None
    high: float | None = None
    missing: Missing = "refused"


@dataclass(frozen=True)
class Ordinal:
    """Levels with an order, lowest first."""

    levels: tuple[str, ...]
    kind: Literal["ordinal"] = "ordinal"
    missing: Missing = "refused"


@dataclass(frozen=True)
class Nominal:
    """Levels without an order; without `levels`, those of the training rows are learnt."""

    kind: Literal["nominal"] = "nominal"
    levels: tuple[str, ...] | None = None
    missing: Missing = "refused"


@dataclass(frozen=True)
class Identifier:
    """Names a row; never a feature."""

    kind: Literal["identifier"] = "identifier"
    unique: bool = True
    missing: Missing = "refused"


@dataclass(frozen=True)
class Ignored:
    """Present in the file, not used."""

    kind: Literal["ignored"] = "ignored"


Column = Numeric | Ordinal | Nominal | Identifier | Ignored


@dataclass(frozen=True)
class Fractions:
    """Shares of the rows that `split.by_column` does not claim; they sum to 1."""

    train: float
    validation: float
    test: float = 0.0


@dataclass(frozen=True)
class ByColumn:
    """Rows claimed by the value of one column, as text; `null` in a list stands for a missing value."""

    column: str
    train: tuple[str | None, ...] = ()
    validation: tuple[str | None, ...] = ()
    test: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Split:
    """Parts of a table: rows claimed `by_column` first, the rest at random by `fractions`."""

    fractions: Fractions | None = None
    by_column: ByColumn | None = None
    seed: int = 0


@dataclass(frozen=True)
class Dataset:
    """A described table. `source` is a path seen from the working folder, or `package:<file>` for shipped data."""

    name: str
    source: str
    label: str
    columns: Mapping[str, Column]
    split: Split
    format: Literal["csv", "parquet"] = "csv"
    separator: str = ","
    missing_values: tuple[str, ...] = ("",)
    label_unit: str = ""


@dataclass(frozen=True)
class Derived:
    """A numeric column computed from others, left to right: sum, difference, product or ratio."""

    operation: Literal["sum", "difference", "product", "ratio"]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Features:
    """How described columns become numbers."""

    name: str
    nominal: Literal["one_hot"] = "one_hot"
    ordinal: Literal["one_hot", "rank"] = "one_hot"
    label_transform: Literal["none", "log"] = "none"
    derived: Mapping[str, Derived] = field(default_factory=dict)
