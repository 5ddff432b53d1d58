"""Checks a label's values against its task, and the levels in each part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from housing.data.faults import listed
from housing.errors import DataError
from housing.tasks import base as tasks

if TYPE_CHECKING:
    from housing.data.encoder import Encoder
    from housing.data.split import Parts
    from housing.data.table import Table

_FEW_ROWS = 2


def check_label(table: Table, parts: Parts, encoder: Encoder) -> None:
    """Raises DataError for labels that the task does not accept, or that leave nothing to learn."""
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
        shown = listed([f"{level!r} ({count:,} in the file)" for level, count in counts.items()])
        raise DataError(
            f"{table.source}: {encoder.label}: no row of training has {shown}, so no model can learn it; take it out "
            f"of columns.{encoder.label}.levels and of the file, or give the split rows that have it"
        )


def label_remarks(table: Table, parts: Parts, encoder: Encoder) -> Iterator[str]:
    """Remarks on labels that suggest another task, and on levels that are rare in a part."""
    if not encoder.label_levels and (remark := tasks.find(encoder.task).label_remark(table[encoder.label])):
        yield remark
    for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        values = table[encoder.label][rows]
        counts = {level: int((values == level).sum()) for level in encoder.label_levels}
        scarce = [f"{level!r} {count}" for level, count in counts.items() if count < _FEW_ROWS]
        if scarce and len(rows):
            yield f"{name} has fewer than {_FEW_ROWS} rows of {listed(scarce)}: its figures say little of them"
