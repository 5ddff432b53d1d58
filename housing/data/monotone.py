"""Monotone constraints: columns with which predictions may only rise, or only fall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from housing.data.description import Numeric, Ordinal, unknown_column
from housing.data.kinds import Boolean
from housing.tasks import base as tasks

if TYPE_CHECKING:
    from housing.data.derived import Derived
    from housing.data.description import Dataset

Direction = Literal["increasing", "decreasing"]
SIGNS: Mapping[Direction, int] = {"increasing": 1, "decreasing": -1}


def faults(
    asked: Mapping[str, Direction], dataset: Dataset, derived: Mapping[str, Derived], *, ordinal: str
) -> Iterator[tuple[str, object, str]]:
    """Faults of the constraints for this dataset, as (key, value, rule)."""
    if asked and dataset.label_levels and not tasks.find(dataset.task_name).has_positive_level:
        rule = f"of task {dataset.task_name} there is no single answer that could rise; leave it out"
        yield "monotone", dict(asked), rule
        return
    for name, direction in asked.items():
        if name not in derived and (why_not := _cannot_rise(name, dataset, ordinal)):
            yield f"monotone.{name}", direction, why_not


def _cannot_rise(name: str, dataset: Dataset, ordinal: str) -> str | None:
    if name not in dataset.columns:
        return unknown_column(name, dataset.columns)
    column = dataset.columns[name]
    if name not in dataset.inputs:
        return f"is {'the label' if name == dataset.label else column.kind}, and no feature"
    if isinstance(column, Ordinal) and ordinal != "rank":
        return "is one-hot: no column of it rises with its levels; say features.ordinal=rank"
    return None if isinstance(column, Numeric | Boolean | Ordinal) else f"is {column.kind}, which has no order"
