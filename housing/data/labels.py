"""What a label's values say about the question: classes that look like numbers, and levels that a part lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from housing.data.cells import text_of
from housing.data.faults import listed
from housing.errors import DataError
from housing.tasks import base as tasks

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.data.split import Parts
    from housing.data.table import Table

MOST_CLASSES = 10
"""More different values than these are not taken for classes."""

_FEW_ROWS = 2


def regression_of_classes(values: Sequence[float]) -> str:
    """What to say of a number whose few values look like classes or counts; empty for any other."""
    distinct = sorted(set(values))
    few = len(distinct) == 2 or (len(distinct) <= MOST_CLASSES and all(value.is_integer() for value in distinct))
    if len(distinct) < 2 or not few or len(values) < 3 * len(distinct):
        return ""
    *first, last = map(text_of, distinct)
    ask = [f"task: {'binary' if len(distinct) == 2 else 'multiclass'} asks which of them (describe --task writes it)"]
    if all(value >= 0 and value.is_integer() for value in distinct):
        ask.append("task: count asks how many")
    return (
        f"the label has {len(distinct)} values, {', '.join(first)} and {last}, and task: regression asks how much: "
        f"predictions are numbers between them; {', '.join(ask)}"
    )


def check_label(table: Table, parts: Parts, encoder: Encoder) -> None:
    """Raises DataError for labels that a task does not take, or that leave nothing to learn."""
    task, levels = tasks.find(encoder.task), encoder.label_levels
    values = table[encoder.label]
    if not levels:
        if fault := task.label_fault(values):
            raise DataError(f"{table.source}: {encoder.label}: {fault}; choose another task, or mend the file")
        return
    there = set(values[parts.train].tolist())
    if len(there) == 1:
        raise DataError(
            f"{table.source}: {encoder.label} is {listed(sorted(there))} in all {len(parts.train):,} rows of training, "
            "so there is nothing to tell apart; give the split other rows, or choose another label"
        )
    if absent := [level for level in levels if level not in there]:
        counts = {level: int((values == level).sum()) for level in absent}
        shown = listed([f"{level!r} ({count} in the file)" for level, count in counts.items()])
        raise DataError(
            f"{table.source}: {encoder.label}: no row of training has {shown}, so no model can learn it; take it out "
            f"of columns.{encoder.label}.levels and of the file, or give the split rows that have it"
        )


def scarce_levels(table: Table, parts: Parts, encoder: Encoder) -> Iterator[str]:
    """What to say of levels that a part has hardly any rows of."""
    for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        values = table[encoder.label][rows]
        counts = {level: int((values == level).sum()) for level in encoder.label_levels}
        scarce = [f"{level!r} {count}" for level, count in counts.items() if count < _FEW_ROWS]
        if scarce and len(rows):
            yield f"{name} has fewer than {_FEW_ROWS} rows of {listed(scarce)}: its figures say little of them"
