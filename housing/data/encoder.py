"""Raw columns in, numbers out: fitted on training rows, saved as JSON with the model, used again by every prediction.

| raw value                 | number       | ordinal as rank        | one-hot                      |
|---------------------------|--------------|------------------------|------------------------------|
| present                   | itself       | 0 for the lowest level | 1 in its level's column      |
| missing, meaning unknown  | NaN          | NaN                    | 0 in every column            |
| missing, meaning none     | 0            | -1                     | 1 in the column `...=(none)` |
| missing, refused          | DataError    | DataError              | DataError                    |
| a level never described   |              | NaN                    | 0 in every column            |
| not a finite number       | DataError    |                        |                              |

Ranges are held against the file that is learnt from, not against rows to be predicted: next year's sale is in range.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from housing.data import encoder_json, payload, plain_numbers
from housing.data.calibration import Calibration
from housing.data.cells import is_missing, text_of
from housing.data.derived import OF_ANY_KIND, Derived, compute
from housing.data.description import Dataset
from housing.data.faults import Faults, listed
from housing.data.features import Features
from housing.data.inputs import Levels, Number, plain_values
from housing.data.intervals import Intervals, Ranges
from housing.data.learning import Input, learnt
from housing.data.more_inputs import Flag, Moment
from housing.data.table import Table
from housing.errors import DataError
from housing.secrets import masked
from housing.tasks import base as tasks
from housing.tasks import written
from housing.tasks.base import Predictions, Task

_TWO = 2


@dataclass(frozen=True)
class Encoder:
    """Safe to call from several threads. `columns` are the encoded names, in the order of the matrix.

    `label_levels` are in the order of their codes, empty where the label is a number. `threshold` is the least
    probability of the positive level, the second of two, at which it is chosen. `calibration` says what a model's
    probabilities are worth; None: what they say. `quantiles` are those that the model gives, lowest first; empty where
    it gives none. `intervals` say how far it errs; None: nobody has learnt that.
    """

    label: str
    label_unit: str
    label_transform: Literal["none", "log"]
    missing_values: tuple[str, ...]
    inputs: tuple[Input, ...]
    derived: Mapping[str, Derived]
    task: str = tasks.DEFAULT
    label_levels: tuple[str, ...] = ()
    threshold: float = tasks.DEFAULT_THRESHOLD
    calibration: Calibration | None = None
    quantiles: tuple[float, ...] = ()
    intervals: Intervals | None = None
    columns: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _widths: tuple[int, ...] = field(init=False, repr=False, compare=False)
    required: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The raw columns that `transform` needs."""
    places: list[tuple[Input, int, int, int]] = field(init=False, repr=False, compare=False)
    """Of each input: its place among the raw columns, its first encoded column, how many it has."""
    _others: list[tuple[Input, int, int, int]] = field(init=False, repr=False, compare=False)
    _numbers: list[tuple[Number, int]] = field(init=False, repr=False, compare=False)
    _number_columns: list[int] = field(init=False, repr=False, compare=False)
    _missing_texts: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [one.names() for one in self.inputs]
        object.__setattr__(self, "columns", _safe_names([*chain(*names), *self.derived]))
        object.__setattr__(self, "_widths", tuple(map(len, names)))
        sizes = [len(of_one) for of_one in names]
        # A joint encoder of several models may read a column in two ways.
        required = tuple(dict.fromkeys(one.column for one in self.inputs))
        raw = [required.index(one.column) for one in self.inputs]
        places = [*zip(self.inputs, raw, accumulate([0, *sizes[:-1]]), sizes, strict=True)] if sizes else []
        numbers = [place for place in places if isinstance(place[0], Number)]
        object.__setattr__(self, "required", required)
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "_others", [place for place in places if not isinstance(place[0], Number)])
        object.__setattr__(self, "_numbers", [(one, at) for one, at, _, _ in numbers])
        object.__setattr__(self, "_number_columns", [start for _, _, start, _ in numbers])
        object.__setattr__(self, "_missing_texts", frozenset(("", *self.missing_values)))

    @classmethod
    def fit(cls, rows: Table, dataset: Dataset, features: Features) -> Encoder:
        """Learns levels that the dataset does not declare, from these rows alone. Raises DataError."""
        if features.label_transform == "log" and not (rows[dataset.label] > 0).all():
            lowest = rows[dataset.label].min()
            raise DataError(
                f"{rows.source}: features.label_transform: log needs every {dataset.label} above 0, "
                f"the lowest is {lowest:g}; use label_transform: none"
            )
        encoder = cls(
            label=dataset.label,
            # It goes with every model, and is there to be read.
            label_unit=masked(dataset.label_unit),
            label_transform=features.label_transform,
            missing_values=tuple(sorted(dataset.missing_texts)),
            inputs=(),
            derived=dict(features.derived),
            task=dataset.task_name,
            label_levels=dataset.label_levels,
            quantiles=dataset.quantiles or (),
        )
        return replace(encoder, inputs=learnt(rows, dataset, features, encoder.learnable_label(rows, dataset)))

    def learnable_label(self, rows: Table, dataset: Dataset) -> NDArray[np.float64]:
        """(rows, 1), or (rows, levels) of more than two: what means of the label by level are taken of."""
        label = self.encode_label(rows[dataset.label]).astype(np.float64)
        if not self.label_levels:
            return label[:, None]
        found: NDArray[np.float64] = (label[:, None] == np.arange(len(self.label_levels))).astype(np.float64)
        return found[:, 1:] if len(self.label_levels) == _TWO else found

    def place_of(self, column: str) -> int:
        """Where a raw column's encoded ones begin."""
        before = [one.column for one in self.inputs].index(column)
        return sum(self._widths[:before])

    @property
    def sources(self) -> tuple[str, ...]:
        """Of each encoded column, the raw column that it was made of; of a derived one its own name."""
        widths = zip(self.inputs, self._widths, strict=True)
        return (*chain.from_iterable([one.column] * width for one, width in widths), *self.derived)

    @property
    def outputs(self) -> int:
        """How many numbers a model answers for each row."""
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

        Values may be text as in a CSV, numbers, None or NaN; columns that are not required are passed over. Raises one
        DataError that names the columns and rows (counted from 1) of everything that cannot be encoded.
        """
        raw = self._raw(columns)
        width = len(self.columns)
        matrix = np.zeros((len(raw[0]), width), np.float32)
        flat = matrix.reshape(-1).data
        missing = self._missing_texts
        faults = Faults("rows")
        numbers: dict[str, NDArray[np.float64]] = {}
        absent = self._absent(raw)
        with np.errstate(over="ignore"):  # told below, by column
            if (plain := self._plain_numbers(raw)) is not None:
                numbers.update(zip([one.column for one, _ in self._numbers], plain, strict=True))
                matrix[:, self._number_columns] = plain.T
            for one, place, start, size in self.places if plain is None else self._others:
                values = raw[place]
                if isinstance(one, Number):
                    numbers[one.column] = one.read(values, missing, faults)
                    matrix[:, start] = numbers[one.column]
                elif isinstance(one, Levels):
                    one.write(values, flat, start=start, width=width, missing_texts=missing, faults=faults)
                elif isinstance(one, Flag):
                    numbers[one.column] = one.read(values, missing, faults)
                    matrix[:, start] = numbers[one.column]
                elif isinstance(one, Moment):
                    numbers[one.column] = one.days(values, missing, faults)
                    matrix[:, start : start + size] = one.block(numbers[one.column])
                elif len(found := one.block(values, missing, faults)) == len(matrix):  # else there are faults
                    matrix[:, start : start + size] = found
            faults.raise_any()
            for column, derived in enumerate(self.derived.values(), width - len(self.derived)):
                of_any = derived.operation in OF_ANY_KIND
                matrix[:, column] = compute(derived, absent if of_any else numbers)
        if np.isinf(matrix).any():
            _, column = np.argwhere(np.isinf(matrix))[0]
            raise DataError(f"rows: {self.columns[column]}: a value is too large for 32-bit floating point")
        return matrix

    def _plain_numbers(self, raw: Sequence[Any]) -> NDArray[np.float64] | None:
        """(columns, rows) of all inputs that stay numbers, as `Number.read` has them; None where it must be asked."""
        lists = [raw[place] for _, place in self._numbers]
        if set(map(type, lists)) != {list} or not all(one.form.is_plain for one, _ in self._numbers):
            return None
        found = plain_numbers.from_cells([*chain.from_iterable(lists)], self._missing_texts)
        if found is None:
            return None
        found = found.reshape(len(lists), -1) + 0.0  # -0 and 0 are one number, also as text
        missing = np.isnan(found)
        for place in np.flatnonzero(missing.any(axis=1)).tolist():
            if self._numbers[place][0].missing == "refused":
                return None
            if self._numbers[place][0].missing == "none":
                found[place, missing[place]] = 0
        return found

    def encode_label(self, values: ArrayLike) -> NDArray[np.float32]:
        """(rows,) in the label's unit, or levels -> (rows,) as models are fitted to it, or codes of levels."""
        label = self.label_values(values)
        return (np.log(label) if self.label_transform == "log" else label).astype(np.float32)

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
        return np.exp(label) if self.label_transform == "log" else label

    def decode(self, outputs: ArrayLike) -> Predictions:
        """What a model gave, as predictions in the label's unit, or levels.

        Raises DataError where it does not have the numbers for each row that the task asks for.
        """
        found = np.asarray(outputs, dtype=np.float64)
        width = self.outputs
        if found.shape[1:] == (() if width == 1 else (width,)) and found.ndim:
            unit = np.exp(found) if self.label_transform == "log" else found
            known = unit if self.calibration is None else self.calibration.apply(unit)
            return self._asked.predictions(known, threshold=self.threshold)
        wanted = "(rows,)" if width == 1 else f"(rows, {width})"
        raise DataError(
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
        """What holds the truth of each row: of raw `columns`, None where rows came encoded, and the `matrix` of them.

        Raises DataError where there are no intervals, or none of this coverage.
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
        """For people and for `from_json`; equal encoders give equal text."""
        return encoder_json.dump(self)

    @classmethod
    def from_json(cls, text: str) -> Encoder:
        """Raises DataError unless `text` is exactly what `to_json` of this version writes."""
        return cls(**encoder_json.load(text))

    def is_encoded(self, text: str) -> bool:
        """Whether CSV text holds encoded rows without a header, rather than raw rows with one."""
        return payload.is_encoded(text, self.required)

    def rows_from_csv(self, text: str) -> dict[str, list[str]]:
        """Raw rows with a header -> what `transform` takes; other columns are passed over. Raises DataError."""
        return payload.rows_from_csv(text, self.required)

    def rows_from_records(self, records: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
        """Raw rows as mappings -> what `transform` takes; other columns are passed over. Raises DataError."""
        return payload.rows_from_records(records, self.required)

    def encoded_from_csv(self, text: str) -> NDArray[np.float32]:
        """Encoded rows without header or label, an empty cell for missing. Raises DataError on a wrong column count."""
        return payload.encoded_from_csv(text, len(self.columns))

    def _absent(self, raw: Sequence[Any]) -> dict[str, NDArray[np.float64]]:
        """(rows,) of 1 where a column has no value, else 0, for those that are asked whether they have."""
        asked = {name for one in self.derived.values() if one.operation in OF_ANY_KIND for name in one.columns}
        return {
            name: np.array([is_missing(value, self._missing_texts) for value in plain_values(values)], np.float64)
            for name, values in zip(self.required, raw, strict=True)
            if name in asked
        }

    def _raw(self, columns: Mapping[str, Any]) -> list[Any]:
        """The required columns, of equal length."""
        if absent := [name for name in self.required if name not in columns]:
            raise DataError(f"rows: missing columns: {listed(absent)}")
        raw = [columns[name] for name in self.required]
        if len(set(map(len, raw))) > 1:
            lengths = listed([f"{name}: {len(values)}" for name, values in zip(self.required, raw, strict=True)])
            raise DataError(f"rows: columns of unequal length ({lengths})")
        return raw


def _safe_names(names: Sequence[str]) -> tuple[str, ...]:
    """Unique, and without what breaks CSV headers and XGBoost's feature names ([ ] < and white space)."""
    safe: dict[str, None] = {}
    for name in names:
        plain = candidate = re.sub(r'[\[\]<>,;"\'\s]+', "_", name) or "_"
        count = 1
        while candidate in safe:
            count += 1
            candidate = f"{plain}~{count}"
        safe[candidate] = None
    return tuple(safe)
