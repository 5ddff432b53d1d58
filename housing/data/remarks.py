"""What to say of prepared data before anything is trained: rows and columns that are not used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from housing.data.faults import listed
from housing.data.kinds import Text

if TYPE_CHECKING:
    from housing.data.preparation import Prepared


def data_remarks(prepared: Prepared) -> Iterator[str]:
    """Sentences, each of one thing; often none."""
    dataset, parts = prepared.dataset, prepared.parts
    used = sum(map(len, (parts.train, parts.validation, parts.test)))
    if (left_out := prepared.table.rows - used) and dataset.split.by_time is not None:
        yield f"{left_out:,} rows in the gap of split.by_time are in no part"
    if texts := [name for name, column in dataset.columns.items() if isinstance(column, Text)]:
        them = f"{listed(texts)} {'is' if len(texts) == 1 else 'are'}"
        yield (
            f"{them} free text, which is not used; its length, or words that it has, could be columns of the file, and "
            "texts that repeat are kind: nominal"
        )
