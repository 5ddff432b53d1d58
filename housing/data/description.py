"""How a table is described: its source, its columns and its label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from housing.data.csv_format import CsvFormat
from housing.data.faults import listed
from housing.data.kinds import Boolean, Identifier, Ignored, Missing, Nominal, Numeric, Ordinal, Text
from housing.data.moments import Date
from housing.data.number_format import NumberFormat
from housing.data.source_spec import Elsewhere, GivenParts, Source, source_faults
from housing.data.split_spec import Split, split_faults
from housing.nearest import nearest
from housing.tasks import base as tasks
from housing.tasks.predictions import quantiles_fault

if TYPE_CHECKING:
    from housing.data.where import Where

__all__ = [
    "Boolean", "Column", "Dataset", "Date", "Feature", "Identifier", "Ignored", "Missing", "Nominal", "Numeric",
    "Ordinal", "Text", "unknown_column",
]  # fmt: skip

Column = Numeric | Ordinal | Nominal | Boolean | Date | Identifier | Text | Ignored

Feature = Numeric | Ordinal | Nominal | Boolean | Date
"""What a model can learn from."""


@dataclass(frozen=True)
class Dataset:
    """A described table, and the question that is asked of it.

    `task` is the kind of question (a file of `housing.tasks`); left out, it follows from the label's column: a number
    gives regression, two levels binary, more of them multiclass. `positive` is the level that a binary task is about;
    left out, it is the second one. `quantiles` of the label, lowest first, are what task quantile asks for.
    `group` is the column of a ranking's groups, such as the query; `event` tells of a time whether its event was seen
    (1 or true), or not until then (0 or false). `weight` is the column of how much each row counts, in fits and in
    metrics. None of these is a feature.

    Rows for which `where` is not true are left out, as are those without a label and those that equal an earlier one in
    every column that is not ignored, where `label_missing` and `duplicates` say so. What was left out is counted.

    `source` is a path relative to the working folder: a file, a folder of them or a pattern such as `sales/*.csv`; an
    address in S3; a list of these; `package:<file>` for shipped data; rows of a database (`sql`); or files of each part
    of the split (`parts`). CSV and JSON lines may be gzipped; `sheet` names that of an Excel workbook. An empty cell is
    always missing; `missing_values` are the texts that mean the same.

    `storage` says where the table is while it is worked on: in memory, or on disk, from where it is read by columns and
    by blocks of rows. `auto`: on disk where it would take more than half of the memory that is free.
    """

    name: str
    source: Source
    label: str
    columns: Mapping[str, Column]
    split: Split = field(default_factory=Split)
    format: Literal["csv", "parquet", "jsonl", "arrow", "excel"] = "csv"
    separator: str = ","
    missing_values: tuple[str, ...] = ("",)
    label_unit: str = ""
    task: str | None = None
    positive: str | None = None
    quantiles: tuple[float, ...] | None = None
    group: str | None = None
    event: str | None = None
    weight: str | None = None
    where: str | None = None
    label_missing: Literal["refused", "dropped"] = "refused"
    duplicates: Literal["refused", "dropped", "kept"] = "kept"
    decimal: str = "."
    thousands: str | None = None
    strip: tuple[str, ...] = ()
    encoding: str = "utf-8"
    comment: str | None = None
    skip_lines: int = 0
    footer_lines: int = 0
    sheet: str | None = None
    storage: Literal["auto", "memory", "disk"] = "auto"

    def __post_init__(self) -> None:
        faults = [*self.csv_format.faults(), *self._label_faults(), *self._level_faults(), *self._weight_faults()]
        faults += [*self.number_format.faults(), *self._where_faults(), *source_faults(self.source)]
        faults += self._part_faults()
        faults += split_faults(self.split, self.columns)
        if self.group is not None and self.split.by_group not in (None, self.group):
            faults.append(
                f"split.by_group: rows of one group are judged together, so it is {self.group!r}: leave it out"
            )
        if self.group is not None and self.split.by_time is not None:
            faults.append("split.by_time: rows of one group are never divided, and are not in the order of time")
        if not self.inputs:
            faults.append(
                "columns: at least one besides the label must be numeric, ordinal, nominal, boolean or a date"
            )
        if faults:
            raise ValueError("; ".join(faults))

    @property
    def parts(self) -> GivenParts | None:
        """Files of each part of the split, where they come so."""
        return self.source.parts if isinstance(self.source, Elsewhere) else None

    @property
    def is_csv(self) -> bool:
        """Whether it lies in CSV files."""
        return self.format == "csv" and not (isinstance(self.source, Elsewhere) and self.source.sql is not None)

    @property
    def inputs(self) -> dict[str, Feature]:
        """The columns that become features, in file order."""
        others = (self.label, self.group, self.event, self.weight)
        return {
            name: column for name, column in self.columns.items() if isinstance(column, Feature) and name not in others
        }

    @property
    def task_name(self) -> str:
        """The task, which is the label's own where none is named."""
        if self.task is not None:
            return self.task
        levels = self._declared_levels
        return tasks.DEFAULT if levels is None else tasks.for_levels(len(levels))

    @property
    def label_levels(self) -> tuple[str, ...]:
        """The label's levels in the order of their codes, the positive one of two last; empty for a number."""
        levels = self._declared_levels or ()
        if self.positive is None or not tasks.find(self.task_name).has_positive_level:
            return levels
        return (*(level for level in levels if level != self.positive), self.positive)

    @property
    def _declared_levels(self) -> tuple[str, ...] | None:
        """None where the label is a number."""
        column = self.columns[self.label]
        return column.levels if isinstance(column, Ordinal | Nominal) else None

    @property
    def missing_texts(self) -> frozenset[str]:
        """Every text that means missing, the empty cell included."""
        return frozenset(("", *self.missing_values))

    @property
    def csv_format(self) -> CsvFormat:
        """How its text is cut into rows and cells."""
        return CsvFormat(self.separator, self.encoding, self.comment, self.skip_lines, self.footer_lines)

    @property
    def number_format(self) -> NumberFormat:
        """How numbers are written in its texts."""
        return NumberFormat(self.decimal, self.thousands, self.strip)

    def condition(self) -> Where | None:
        """Which rows are kept; None: all. Raises ValueError when `where` is no condition of these columns."""
        if self.where is None:
            return None
        from housing.data.where import Where

        numeric = [name for name, column in self.columns.items() if isinstance(column, Numeric)]
        return Where(self.where, numeric=numeric, texts=self.columns.keys() - numeric)

    def _part_faults(self) -> Iterator[str]:
        if self.sheet is not None and self.format != "excel":
            yield f"sheet: belongs to format: excel, and it is {self.format}"
        if self.parts is None:
            if not self.split.divides:
                yield "split: give fractions, by_column or both, or by_time.validation_from"
            return
        if self.split.by_column is not None:
            yield "split.by_column: source.parts says which rows are in which part; leave it out"
        if self.parts.validation is None and not self.split.divides:
            yield "source.parts: without validation, split must say how train is divided, such as by fractions"
        if self.parts.test is not None and self.split.fractions is not None and self.split.fractions.test:
            yield "split.fractions.test: must be 0, the test part has files of its own (source.parts.test)"

    def _where_faults(self) -> Iterator[str]:
        try:
            self.condition()
        except ValueError as error:
            yield f"where: {error}".replace("; ", ", ")

    def _label_faults(self) -> list[str]:
        if self.label not in self.columns:
            return [f"label: {unknown_column(self.label, self.columns)}"]
        label = self.columns[self.label]
        if not isinstance(label, Numeric | Ordinal | Nominal):
            return [f"label: {self.label!r} is {label.kind}, it must be numeric, nominal or ordinal"]
        if label.missing != "refused":
            return [f"label: {self.label!r} has missing: {label.missing}, a label is never missing"]
        if isinstance(label, Nominal) and label.levels is None:
            return [f"label: columns.{self.label} must list its levels: what is predicted is one of them"]
        return list(self._task_faults())

    def _task_faults(self) -> Iterator[str]:
        if self.task is not None and self.task not in tasks.names():
            near = nearest(self.task, tasks.names())
            hint = f"; did you mean {near!r}?" if near else ""
            yield f"task: must be one of {', '.join(tasks.names())}, got {self.task!r}{hint}"
            return
        levels, allowed = self._declared_levels, tasks.find(self.task_name).levels
        kind = self.columns[self.label].kind
        if (levels is None) != (allowed is None):
            yield (
                f"task: {self.task_name} needs a label that is a number, and {self.label!r} is {kind}"
                if allowed is None
                else f"task: {self.task_name} needs a label with levels, and {self.label!r} is {kind}; describe it as "
                "kind: nominal with the list of its levels"
            )
        elif levels is not None and allowed is not None and not allowed[0] <= len(levels) <= allowed[1]:
            many = f"{allowed[0]}" if allowed[0] == allowed[1] else f"{allowed[0]} to {allowed[1]}"
            yield f"task: {self.task_name} needs a label with {many} levels, and {self.label!r} has {len(levels)}"
        yield from self._positive_faults(levels)
        yield from self._key_faults()
        if self.split.stratify is True and levels is None:
            yield f"split.stratify: {self.label!r} is a number and has no levels to divide evenly"

    def _key_faults(self) -> Iterator[str]:
        """Faults of keys that some tasks need and others do not accept."""
        needed = tasks.find(self.task_name).keys
        for key, one in needed.items():
            value = getattr(self, key, None)
            if value is None:
                yield f"{key}: task {self.task_name} needs it, such as {key}: {one.example}"
            elif one.is_column and (fault := self._column_fault(value)):
                yield f"{key}: {fault}"
        for key in {key: None for name in tasks.names() for key in tasks.find(name).keys if key not in needed}:
            if getattr(self, key, None) is not None:
                owners = " or ".join(name for name in tasks.names() if key in tasks.find(name).keys)
                yield f"{key}: belongs to task {owners}, and {self.task_name} is asked"
        if self.quantiles is not None and (fault := quantiles_fault(self.quantiles or (0.0,))):
            yield f"quantiles: {fault}, such as 0.1"

    def _column_fault(self, name: str) -> str | None:
        """Why a column cannot be what a task needs beside the label."""
        if name not in self.columns:
            return unknown_column(name, self.columns)
        column = self.columns[name]
        if name == self.label:
            return "is the label"
        if getattr(column, "missing", "refused") != "refused":
            return f"columns.{name} must have missing: refused"
        if isinstance(column, Identifier) and column.unique:
            return f"columns.{name} is different in every row; say unique: false"
        return None

    def _positive_faults(self, levels: tuple[str, ...] | None) -> Iterator[str]:
        if self.positive is None:
            return
        if not tasks.find(self.task_name).has_positive_level:
            able = " or ".join(name for name in tasks.names() if tasks.find(name).has_positive_level)
            yield f"positive: task {able} has a positive level, and {self.task_name} is asked"
        elif self.positive not in (levels or ()):
            near = nearest(self.positive, levels or ())
            hint = f"; did you mean {near!r}?" if near else ""
            yield f"positive: must be a level of {self.label!r} ({listed(levels or ())}), got {self.positive!r}{hint}"

    def _weight_faults(self) -> Iterator[str]:
        if self.weight is None:
            return
        if fault := self._column_fault(self.weight):
            yield f"weight: {fault}"
        elif not isinstance(self.columns[self.weight], Numeric):
            yield f"weight: columns.{self.weight} is {self.columns[self.weight].kind}, and must be numeric"

    def _level_faults(self) -> list[str]:
        return [
            f"columns.{name}.levels: {listed(missing)} already means missing (missing_values)"
            for name, column in self.columns.items()
            if isinstance(column, Ordinal | Nominal)
            and (missing := [level for level in column.levels or () if level in self.missing_texts])
        ]


def unknown_column(name: str, known: Iterable[str]) -> str:
    """What to say of a name that none of the `known` columns has."""
    near = nearest(name, known)
    return f"there is no column {name!r}" + (f"; did you mean {near!r}?" if near else "")
