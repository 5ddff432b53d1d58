"""How a table is described: its source, its columns, its label and its parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from housing.data.faults import listed, repeated
from housing.nearest import nearest

Missing = Literal["refused", "unknown", "none"]
"""What an empty cell means: an error, a value nobody wrote down, or a thing that is not there."""


@dataclass(frozen=True)
class Numeric:
    """A number; `low` and `high` are the allowed range, both inclusive, in the column's own unit."""

    kind: Literal["numeric"] = "numeric"
    low: float | None = None
    high: float | None = None
    missing: Missing = "refused"

    def __post_init__(self) -> None:
        for key in ("low", "high"):
            bound = getattr(self, key)
            if bound is not None and not math.isfinite(bound):
                raise ValueError(f"{key} must be a finite number or null, got {bound}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"need low <= high, got {self.low} and {self.high}")


@dataclass(frozen=True)
class Ordinal:
    """Levels with an order, lowest first."""

    levels: tuple[str, ...]
    kind: Literal["ordinal"] = "ordinal"
    missing: Missing = "refused"

    def __post_init__(self) -> None:
        _check_levels(self.levels)


@dataclass(frozen=True)
class Nominal:
    """Levels without an order; without `levels`, those of the training rows are learnt."""

    kind: Literal["nominal"] = "nominal"
    levels: tuple[str, ...] | None = None
    missing: Missing = "refused"

    def __post_init__(self) -> None:
        if self.levels is not None:
            _check_levels(self.levels)


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
    """Parts of a table: rows claimed `by_column` first, the rest at random by `fractions`."""

    fractions: Fractions | None = None
    by_column: ByColumn | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fractions is None and self.by_column is None:
            raise ValueError("give fractions, by_column or both")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must lie in [0, 2**32), got {self.seed}")


@dataclass(frozen=True)
class Dataset:
    """A described table.

    `source` is a path seen from the working folder, or `package:<file>` for shipped data. A CSV may be gzipped. An
    empty cell is always missing; `missing_values` are the texts that mean the same.
    """

    name: str
    source: str
    label: str
    columns: Mapping[str, Column]
    split: Split
    format: Literal["csv", "parquet"] = "csv"
    separator: str = ","
    missing_values: tuple[str, ...] = ("",)
    label_unit: str = ""

    def __post_init__(self) -> None:
        faults = [*self._separator_faults(), *self._label_faults(), *self._level_faults()]
        by_column = self.split.by_column
        if by_column is not None and by_column.column not in self.columns:
            faults.append(f"split.by_column.column: {_unknown(by_column.column, self.columns)}")
        if not self.inputs:
            faults.append("columns: at least one besides the label must be numeric, ordinal or nominal")
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def inputs(self) -> dict[str, Numeric | Ordinal | Nominal]:
        """The columns that become features, in file order."""
        return {
            name: column
            for name, column in self.columns.items()
            if isinstance(column, Numeric | Ordinal | Nominal) and name != self.label
        }

    @property
    def missing_texts(self) -> frozenset[str]:
        """Every text that means missing, the empty cell included."""
        return frozenset(("", *self.missing_values))

    def _separator_faults(self) -> list[str]:
        if len(self.separator) == 1 and self.separator not in '\r\n"':
            return []
        return [f"separator must be one character, not a quote or a line end, got {self.separator!r}"]

    def _label_faults(self) -> list[str]:
        if self.label not in self.columns:
            return [f"label: {_unknown(self.label, self.columns)}"]
        label = self.columns[self.label]
        if not isinstance(label, Numeric):
            return [f"label: {self.label!r} is {label.kind}, it must be numeric"]
        if label.missing != "refused":
            return [f"label: {self.label!r} has missing: {label.missing}, a label is never missing"]
        return []

    def _level_faults(self) -> list[str]:
        return [
            f"columns.{name}.levels: {listed(missing)} already means missing (missing_values)"
            for name, column in self.columns.items()
            if isinstance(column, Ordinal | Nominal)
            and (missing := [level for level in column.levels or () if level in self.missing_texts])
        ]


@dataclass(frozen=True)
class Derived:
    """A numeric column computed from numeric columns of the file, left to right.

    Missing where one of them is; one that is missing because there is none counts as 0. A ratio to 0 is missing.
    """

    operation: Literal["sum", "difference", "product", "ratio"]
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.columns) < 2:
            raise ValueError(f"a {self.operation} needs two or more columns, got {listed(self.columns) or 'none'}")


@dataclass(frozen=True)
class Features:
    """How described columns become numbers."""

    name: str
    nominal: Literal["one_hot"] = "one_hot"
    ordinal: Literal["one_hot", "rank"] = "one_hot"
    label_transform: Literal["none", "log"] = "none"
    derived: Mapping[str, Derived] = field(default_factory=dict)


def check_features(dataset: Dataset, features: Features) -> list[tuple[str, str, str]]:
    """What is wrong with `features` for this dataset, as (key, value, rule); empty when they fit."""
    faults = []
    label = dataset.columns[dataset.label]
    if features.label_transform == "log" and isinstance(label, Numeric) and (label.low is None or label.low <= 0):
        rule = f"needs a label above 0: give {dataset.label!r} a low above 0 in the dataset"
        faults.append(("label_transform", "log", rule))
    for name, derived in features.derived.items():
        if name in dataset.columns:
            faults.append((f"derived.{name}", name, "is already a column of the dataset; choose another name"))
        faults += [
            (f"derived.{name}.columns", column, why_not)
            for column in derived.columns
            if (why_not := _cannot_derive_from(column, dataset))
        ]
    return faults


def _cannot_derive_from(name: str, dataset: Dataset) -> str | None:
    if name not in dataset.columns:
        return _unknown(name, dataset.columns)
    if name == dataset.label:
        return "is the label, which is not known when predicting"
    column = dataset.columns[name]
    return None if isinstance(column, Numeric) else f"is {column.kind}; only numeric columns can be computed with"


def _check_levels(levels: tuple[str, ...]) -> None:
    if not levels:
        raise ValueError("levels must not be empty")
    if twice := repeated(levels):
        raise ValueError(f"levels must be unique; listed again: {listed(twice)}")


def _unknown(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"there is no column {name!r}" + (f"; did you mean {near!r}?" if near else "")
