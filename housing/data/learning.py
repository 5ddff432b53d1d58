"""Learns an encoder's inputs: the levels of each column, which of them are rare, and their encodings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from housing.data.description import Dataset, Feature, Nominal, Numeric, Ordinal
from housing.data.features import MOST_ONE_HOT, Features, OfLevels, has_mean_label
from housing.data.inputs import Levels, Number, learnt_levels
from housing.data.kinds import Boolean
from housing.data.level_statistics import averaged, counted, frequent
from housing.data.moments import DEFAULT_PARTS, Date, has_hours, seconds_of_all
from housing.data.more_inputs import Flag, Hashed, Moment, MoreInput
from housing.data.table import Table
from housing.data.weights import column_weights

Input = Number | Levels | MoreInput

_HASH_BUCKETS = 32


def learnt(rows: Table, dataset: Dataset, features: Features, label: NDArray[np.float64]) -> tuple[Input, ...]:
    """An input for each column that becomes features; `label` as in `Encoder.learnable_label`."""
    learner = _Learner(rows, dataset, features, label)
    return tuple(learner.input(name, column) for name, column in dataset.inputs.items())


@dataclass(frozen=True, eq=False)
class _Learner:
    rows: Table
    dataset: Dataset
    features: Features
    label: NDArray[np.float64]

    def input(self, name: str, column: Feature) -> Input:
        if isinstance(column, Numeric):
            return Number(name, column.missing, self.dataset.number_format)
        if isinstance(column, Boolean):
            return Flag(name, column.missing)
        if isinstance(column, Ordinal):
            return Levels(name, column.missing, column.levels, self.features.ordinal)
        if isinstance(column, Date):
            return self._moment(name, column)
        return self._of_levels(name, column)

    def _moment(self, name: str, column: Date) -> Moment:
        parts = self.features.of(name).date
        if parts is None:
            there = has_hours(seconds_of_all(self.rows[name].tolist(), column.format))
            parts = DEFAULT_PARTS if there else tuple(part for part in DEFAULT_PARTS if part != "hour")
        return Moment(name, column.missing, column.format, parts)

    def _of_levels(self, name: str, column: Nominal) -> Input:
        asked, values = self.features.of(name), self.rows[name].tolist()
        levels = learnt_levels(values) if column.levels is None else column.levels
        kept = levels if asked.min_rows is None else frequent(values, levels, asked.min_rows)
        way = asked.nominal or self._by_count(kept, column)
        rare = asked.min_rows is not None and len(kept) < len(levels)
        if way == "hash":
            return Hashed(name, column.missing, asked.hash_buckets or _HASH_BUCKETS)
        if way == "count":
            return counted(name, column.missing, values, kept)
        if way == "target":
            of = self.dataset.label_levels if self.label.shape[1] > 1 else ()
            weights = column_weights(self.rows, self.dataset)
            return averaged(name, column.missing, values, kept, label=self.label, of=of, weights=weights)
        return Levels(name, column.missing, kept, "rank" if way == "ordinal" else way, rare=rare)

    def _by_count(self, levels: tuple[str, ...], column: Nominal) -> OfLevels:
        """The encoding of a column without its own setting, by its number of levels."""
        if column.levels is not None or len(levels) <= MOST_ONE_HOT:
            return "one_hot"
        mean = has_mean_label(self.dataset.task_name)
        return self.features.high_cardinality or ("target" if mean else "count")
