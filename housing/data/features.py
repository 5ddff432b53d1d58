"""How described columns become numbers, as declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from housing.data.derived import OF_ANY_KIND, OF_DATES, Derived
from housing.data.description import Dataset, Nominal, Numeric, unknown_column
from housing.data.kinds import Boolean
from housing.data.moments import Date, Part
from housing.data.monotone import Direction
from housing.data.monotone import faults as monotone_faults
from housing.tasks import base as tasks
from housing.tasks.transforms import Transform, refused_low

OfLevels = Literal["one_hot", "native", "target", "count", "hash", "ordinal"]
"""How levels without an order become numbers: a column each; codes that the algorithm knows for levels; the mean label
of their rows; how many rows they have; a column for each of some hashes; their places in the alphabet."""

MOST_ONE_HOT = 50
"""Columns with more learnt levels are not one-hot encoded unless their own setting says so."""

FROM_DESCRIPTION = "from_description"
"""The key that lets features be chosen from the dataset's description."""


@dataclass(frozen=True)
class ColumnFeatures:
    """Settings of one column; unset ones are as for all columns."""

    nominal: OfLevels | None = None
    min_rows: int | None = None
    hash_buckets: int | None = None
    date: tuple[Part, ...] | None = None

    def __post_init__(self) -> None:
        _check_counts(self.min_rows, self.hash_buckets)


@dataclass(frozen=True)
class Features:
    """How described columns become numbers.

    `nominal` is for columns of levels without an order, `high_cardinality` for those of more than 50 that are learnt,
    where `nominal` is one_hot (null: target, or count for a task without a mean). Levels of fewer than `min_rows` rows
    of training are one level together, as are levels that were never seen. `date` lists what dates become (null: year,
    month, day_of_week, day_of_year, and hour where there are hours). `columns` are for single columns. `monotone` names
    columns, derived ones too, with which answers only rise (increasing), or only fall (decreasing). Where
    `from_description` was true, `housing.config.automatic` has made choices, and it stands here no more.
    """

    name: str
    nominal: OfLevels = "one_hot"
    ordinal: Literal["one_hot", "rank"] = "one_hot"
    label_transform: Transform = "none"
    derived: Mapping[str, Derived] = field(default_factory=dict)
    high_cardinality: OfLevels | None = None
    min_rows: int | None = None
    hash_buckets: int | None = None
    date: tuple[Part, ...] | None = None
    columns: Mapping[str, ColumnFeatures] = field(default_factory=dict)
    monotone: Mapping[str, Direction] | None = None
    from_description: bool | None = None

    def __post_init__(self) -> None:
        _check_counts(self.min_rows, self.hash_buckets)

    def of(self, column: str) -> ColumnFeatures:
        """The settings of a column, or else those of all; `nominal` is None where it depends on the number of its
        levels.
        """
        own = self.columns.get(column, ColumnFeatures())
        general = None if self.nominal == "one_hot" else self.nominal
        return ColumnFeatures(
            nominal=own.nominal or general,
            min_rows=own.min_rows or self.min_rows,
            hash_buckets=own.hash_buckets or self.hash_buckets,
            date=self.date if own.date is None else own.date,
        )


def native_keys(dataset: Dataset, features: Features) -> Iterator[str]:
    """The keys that ask for native levels."""
    nominal = {name: column for name, column in dataset.inputs.items() if isinstance(column, Nominal)}
    if nominal and features.nominal == "native":
        yield "nominal"
    are_many = features.nominal == "one_hot" and any(column.levels is None for column in nominal.values())
    if are_many and features.high_cardinality == "native":
        yield "high_cardinality"
    for name, own in features.columns.items():
        if name in nominal and own.nominal == "native":
            yield f"columns.{name}.nominal"


def without_native(features: Features) -> Features:
    """The features for algorithms without native levels, which become one-hot."""
    columns = {
        n: replace(own, nominal="one_hot") if own.nominal == "native" else own for n, own in features.columns.items()
    }
    return replace(
        features,
        nominal="one_hot" if features.nominal == "native" else features.nominal,
        high_cardinality=None if features.high_cardinality == "native" else features.high_cardinality,
        columns=columns,
    )


def has_mean_label(task: str) -> bool:
    """Whether the mean of labels is meaningful; it is not for censored times."""
    return tasks.find(task).has_label_s_scale or tasks.find(task).levels is not None or tasks.find(task).has_groups


def _check_counts(min_rows: int | None, hash_buckets: int | None) -> None:
    if min_rows is not None and min_rows < 1:
        raise ValueError(f"min_rows must be 1 or more, got {min_rows}")
    if hash_buckets is not None and not 2 <= hash_buckets <= 2**16:
        raise ValueError(f"hash_buckets must lie in [2, 65536], got {hash_buckets}")


def check_features(dataset: Dataset, features: Features) -> list[tuple[str, object, str]]:
    """Faults of `features` for this dataset, as (key, value, rule)."""
    return [
        *_label_faults(dataset, features),
        *_derived_faults(dataset, features),
        *_column_faults(dataset, features),
        *_mean_faults(dataset, features),
        *monotone_faults(features.monotone or {}, dataset, features.derived, ordinal=features.ordinal),
    ]


def _label_faults(dataset: Dataset, features: Features) -> Iterator[tuple[str, object, str]]:
    label = dataset.columns[dataset.label]
    transforms: tuple[str, ...] = tasks.find(dataset.task_name).transforms
    if features.label_transform not in transforms:
        rule = f"a label of task {dataset.task_name} is not transformed: choose {' or '.join(transforms)}"
        yield "label_transform", features.label_transform, rule
    elif isinstance(label, Numeric) and (wanted := refused_low(features.label_transform, label.low)):
        rule = f"needs a label {wanted}: give {dataset.label!r} a low {wanted} in the dataset"
        yield "label_transform", features.label_transform, rule


def _derived_faults(dataset: Dataset, features: Features) -> Iterator[tuple[str, object, str]]:
    for name, derived in features.derived.items():
        if name in dataset.columns:
            yield f"derived.{name}", name, "is already a column of the dataset; choose another name"
        for column in derived.columns:
            if why_not := _cannot_derive_from(column, derived, dataset):
                yield f"derived.{name}.columns", column, why_not


def _column_faults(dataset: Dataset, features: Features) -> Iterator[tuple[str, object, str]]:
    for name, own in features.columns.items():
        key = f"columns.{name}"
        if name not in dataset.columns:
            yield key, name, unknown_column(name, dataset.columns)
            continue
        column = dataset.inputs.get(name)
        kind = dataset.columns[name].kind
        if column is None:
            yield key, name, f"is {'the label' if name == dataset.label else 'no feature'}, and becomes no number"
            continue
        for option in ("nominal", "min_rows", "hash_buckets"):
            if getattr(own, option) is not None and not isinstance(column, Nominal):
                yield f"{key}.{option}", getattr(own, option), f"belongs to nominal columns, and {name} is {kind}"
        if own.date is not None and not isinstance(column, Date):
            yield f"{key}.date", list(own.date), f"belongs to dates, and {name} is {kind}"


def _mean_faults(dataset: Dataset, features: Features) -> Iterator[tuple[str, object, str]]:
    if has_mean_label(dataset.task_name):
        return
    asked = {"nominal": features.nominal, "high_cardinality": features.high_cardinality}
    asked |= {f"columns.{name}.nominal": own.nominal for name, own in features.columns.items()}
    for key, way in asked.items():
        if way == "target":
            yield key, way, f"a label of task {dataset.task_name} has no mean; choose count"


def _cannot_derive_from(name: str, derived: Derived, dataset: Dataset) -> str | None:
    if name not in dataset.columns:
        return unknown_column(name, dataset.columns)
    if name == dataset.label:
        return "is the label, which is not known when predicting"
    column = dataset.columns[name]
    if name not in dataset.inputs:
        return f"is {column.kind}; only features can be computed with"
    if derived.operation in OF_ANY_KIND:
        return None
    if derived.operation in OF_DATES:
        return None if isinstance(column, Date) else f"is {column.kind}; {derived.operation} needs dates"
    wanted = isinstance(column, Numeric | Boolean)
    return None if wanted else f"is {column.kind}; only numeric columns can be computed with"
