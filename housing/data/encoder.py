"""Raw columns in, numbers out: fitted on training rows, saved as JSON with the model, used again by every prediction.

| raw value                 | number       | ordinal as rank        | one-hot                      |
|---------------------------|--------------|------------------------|------------------------------|
| present                   | itself       | 0 for the lowest level | 1 in its level's column      |
| missing, meaning unknown  | NaN          | NaN                    | 0 in every column            |
| missing, meaning none     | 0            | -1                     | 1 in the column `...=(none)` |
| missing, refused          | DataError    | DataError              | DataError                    |
| a level never described   |              | NaN                    | 0 in every column            |
| not a finite number       | DataError    |                        |                              |

Ranges are checked in training data, not in rows to be predicted: next year's sale must not be refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from housing.data import encoder_json, payload
from housing.data.calibration import Calibration
from housing.data.cells import text_of
from housing.data.derived import Derived
from housing.data.description import Dataset
from housing.data.faults import listed
from housing.data.features import Features
from housing.data.intervals import Intervals, Ranges
from housing.data.layout import Layout
from housing.data.learning import Input, learnt
from housing.data.monotone import SIGNS, Direction
from housing.data.table import Table
from housing.errors import DataError, ModelError
from housing.secrets import masked
from housing.tasks import base as tasks
from housing.tasks import written
from housing.tasks.base import Task
from housing.tasks.predictions import Predictions
from housing.tasks.transforms import Transform, applied, refused, undone

_TWO = 2


@dataclass(frozen=True)
class Encoder:
    """Safe to call from several threads.

    `label_levels` are in the order of their codes, empty where the label is a number. `threshold` is the least
    probability of the positive level, the second of two, at which it is chosen. `calibration` says what a model's
    probabilities are worth; None: what they say. `quantiles` are those that the model gives, lowest first; empty where
    it gives none. `intervals` say how far it errs; None: nobody has learnt that. `monotone` are raw and derived columns
    with which its answers only rise, or only fall.
    """

    label: str
    label_unit: str
    label_transform: Transform
    missing_values: tuple[str, ...]
    inputs: tuple[Input, ...]
    derived: Mapping[str, Derived]
    task: str = tasks.DEFAULT
    label_levels: tuple[str, ...] = ()
    threshold: float = tasks.DEFAULT_THRESHOLD
    calibration: Calibration | None = None
    quantiles: tuple[float, ...] = ()
    intervals: Intervals | None = None
    monotone: Mapping[str, Direction] = field(default_factory=dict)
    _layout: Layout = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        missing = frozenset(("", *self.missing_values))
        object.__setattr__(self, "_layout", Layout(self.inputs, self.derived, missing))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the encoded columns, in the order of the matrix."""
        return self._layout.columns

    @property
    def required(self) -> tuple[str, ...]:
        """The raw columns that `transform` needs."""
        return self._layout.required

    @property
    def places(self) -> list[tuple[Input, int, int, int]]:
        """For each input: its index among the raw columns, its first encoded column, and how many it has."""
        return self._layout.places

    @classmethod
    def fit(cls, rows: Table, dataset: Dataset, features: Features) -> Encoder:
        """An encoder fitted to these rows alone, from which it learns undeclared levels. Raises DataError."""
        transform = features.label_transform
        if transform != "none" and (wanted := refused(transform, rows[dataset.label])):
            raise DataError(
                f"{rows.source}: features.label_transform: {transform} needs every {dataset.label} {wanted}, "
                f"the lowest is {rows[dataset.label].min():g}; use label_transform: none"
            )
        encoder = cls(
            label=dataset.label,
            # It is stored with every model, where it can be read.
            label_unit=masked(dataset.label_unit),
            label_transform=transform,
            missing_values=tuple(sorted(dataset.missing_texts)),
            inputs=(),
            derived=dict(features.derived),
            task=dataset.task_name,
            label_levels=dataset.label_levels,
            quantiles=dataset.quantiles or (),
            monotone=dict(features.monotone or {}),
        )
        return replace(encoder, inputs=learnt(rows, dataset, features, encoder.learnable_label(rows, dataset)))

    def learnable_label(self, rows: Table, dataset: Dataset) -> NDArray[np.float64]:
        """(rows, 1), or (rows, levels) for more than two: the values whose means by level are learnt."""
        label = self.encode_label(rows[dataset.label]).astype(np.float64)
        if not self.label_levels:
            return label[:, None]
        found: NDArray[np.float64] = (label[:, None] == np.arange(len(self.label_levels))).astype(np.float64)
        return found[:, 1:] if len(self.label_levels) == _TWO else found

    def place_of(self, column: str) -> int:
        """The index of a raw column's first encoded column."""
        return self._layout.place_of(column)

    @property
    def sources(self) -> tuple[str, ...]:
        """For each encoded column, the raw column that it comes from; for a derived one its own name."""
        return self._layout.sources

    @property
    def categorical(self) -> tuple[int, ...]:
        """The indices of encoded columns that hold codes of levels."""
        return self._layout.categorical

    @property
    def directions(self) -> tuple[int, ...]:
        """For each encoded column, 1 where predictions only rise with it, -1 where they only fall, else 0; empty if all
        are 0.
        """
        if not self.monotone:
            return ()
        return tuple(SIGNS[self.monotone[one]] if one in self.monotone else 0 for one in self._layout.sources)

    @property
    def outputs(self) -> int:
        """The number of outputs of a model for each row."""
        return self._asked.outputs(len(self.label_levels))

    @property
    def answer_columns(self) -> list[str]:
        """Names of the columns of a table of predictions."""
        return written.columns(self.label, self.label_levels, self.quantiles)

    @property
    def _asked(self) -> Task:
        return tasks.find(self.task).asking(self.quantiles)

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON form."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def transform(self, columns: Mapping[str, Any]) -> NDArray[np.float32]:
        """(rows, len(self.columns)) from raw columns by name: a Table, a dict of lists, a pandas DataFrame.

        Values may be text as in a CSV, numbers, None or NaN; other columns are ignored. Raises one DataError that names
        the columns and rows (counted from 1) of everything that cannot be encoded.
        """
        return self._layout.matrix(columns)

    def encode_label(self, values: ArrayLike) -> NDArray[np.float32]:
        """(rows,) in the label's unit, or levels -> (rows,) as models are fitted to it, or codes of levels."""
        label = self.label_values(values)
        return applied(self.label_transform, label).astype(np.float32)

    def label_values(self, values: ArrayLike) -> NDArray[np.float64]:
        """(rows,) of the raw label -> what metrics take: numbers in its unit, or codes of levels. Raises DataError."""
        if not self.label_levels:
            return np.asarray(values, dtype=np.float64)
        codes = {level: code for code, level in enumerate(self.label_levels)}
        levels = [text_of(value) for value in np.asarray(values, dtype=object).tolist()]
        if unknown := sorted(set(levels).difference(codes)):
            raise DataError(f"{self.label}: {listed(unknown)}: no such level; it has {listed(self.label_levels, 12)}")
        return np.array([codes[level] for level in levels], np.float64)

    def decode_label(self, values: ArrayLike) -> NDArray[np.float64]:
        """The reverse of `encode_label`, but for levels, which stay codes: (rows,) as metrics take them."""
        label = np.asarray(values, dtype=np.float64)
        return undone(self.label_transform, label)

    def decode(self, outputs: ArrayLike) -> Predictions:
        """A model's output as predictions in the label's unit, or levels.

        Raises ModelError where it does not have the outputs per row that the task requires.
        """
        found = np.asarray(outputs, dtype=np.float64)
        width = self.outputs
        if found.shape[1:] == (() if width == 1 else (width,)) and found.ndim:
            unit = undone(self.label_transform, found)
            known = unit if self.calibration is None else self.calibration.apply(unit)
            return self._asked.predictions(known, threshold=self.threshold)
        wanted = "(rows,)" if width == 1 else f"(rows, {width})"
        raise ModelError(
            f"the model gave an array {found.shape}; for task {self.task} of {self.label} it must be {wanted}"
        )

    def ranges(
        self,
        predictions: Predictions,
        columns: Mapping[str, Any] | None,
        matrix: NDArray[np.float32] | None,
        *,
        coverage: float | None = None,
    ) -> Ranges:
        """The interval of each row, from its raw `columns` (None where rows came encoded) and the encoded `matrix`.

        Raises DataError where the model has no intervals, or none of this coverage.
        """
        if self.intervals is None:
            raise DataError(
                f"the model of {self.label} has no intervals; promote it with intervals.coverage=0.9, and deploy it"
            )
        groups = None if columns is None else self.intervals.groups_of(columns)
        return self.intervals.of(
            predictions, coverage=coverage, transform=self.label_transform, groups=groups, matrix=matrix
        )

    def to_json(self) -> str:
        """JSON for people and for `from_json`; equal encoders give equal text."""
        return encoder_json.dump(self)

    @classmethod
    def from_json(cls, text: str) -> Encoder:
        """Raises DataError unless `text` is exactly what `to_json` of this version writes."""
        return cls(**encoder_json.load(text))

    def is_encoded(self, text: str) -> bool:
        """Whether CSV text holds encoded rows without a header, rather than raw rows with one."""
        return payload.is_encoded(text, self.required)

    def rows_from_csv(self, text: str) -> dict[str, list[str]]:
        """CSV of raw rows with a header -> columns for `transform`; other columns are ignored. Raises DataError."""
        return payload.rows_from_csv(text, self.required)

    def rows_from_records(self, records: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
        """Raw rows as mappings -> columns for `transform`; other columns are ignored. Raises DataError."""
        return payload.rows_from_records(records, self.required)

    def encoded_from_csv(self, text: str) -> NDArray[np.float32]:
        """Encoded rows without header or label, an empty cell for missing. Raises DataError on a wrong column count."""
        return payload.encoded_from_csv(text, len(self.columns))
