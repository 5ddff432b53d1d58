"""How described columns become numbers, as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from housing.data.description import Dataset, Numeric, unknown_column
from housing.data.faults import listed
from housing.tasks import base as tasks


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
    faults: list[tuple[str, str, str]] = []
    label = dataset.columns[dataset.label]
    transforms: tuple[str, ...] = tasks.find(dataset.task_name).transforms
    if features.label_transform not in transforms:
        rule = f"a label of task {dataset.task_name} is not transformed: choose {' or '.join(transforms)}"
        faults.append(("label_transform", features.label_transform, rule))
    elif features.label_transform == "log" and isinstance(label, Numeric) and (label.low is None or label.low <= 0):
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
        return unknown_column(name, dataset.columns)
    if name == dataset.label:
        return "is the label, which is not known when predicting"
    column = dataset.columns[name]
    return None if isinstance(column, Numeric) else f"is {column.kind}; only numeric columns can be computed with"
