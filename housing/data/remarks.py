"""Remarks on prepared data before training, such as on rows and columns that are not used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from housing.data.faults import listed
from housing.data.kinds import Text
from housing.data.source_spec import Elsewhere

if TYPE_CHECKING:
    from housing.data.description import Dataset
    from housing.data.preparation import Prepared


def data_remarks(prepared: Prepared) -> Iterator[str]:
    """A sentence for each remark; often none."""
    dataset, parts = prepared.dataset, prepared.parts
    used = sum(map(len, (parts.train, parts.validation, parts.test)))
    if (left_out := prepared.table.rows - used) and dataset.split.by_time is not None:
        yield f"{left_out:,} rows in the gap of split.by_time are in no part"
    if _may_come_in_any_order(dataset):
        yield (
            "a query without ORDER BY may return its rows in another order each time, and then other rows are the test "
            "part: add ORDER BY, or name split.key"
        )
    if texts := [name for name, column in dataset.columns.items() if isinstance(column, Text)]:
        them = f"{listed(texts)} {'is' if len(texts) == 1 else 'are'}"
        yield (
            f"{them} free text, which is not used; its length, or words that it has, could be columns of the file, and "
            "texts that repeat are kind: nominal"
        )


def _may_come_in_any_order(dataset: Dataset) -> bool:
    """Whether the split depends on an order of rows that the database does not guarantee."""
    source, split = dataset.source, dataset.split
    query = source.sql.query if isinstance(source, Elsewhere) and source.sql is not None else None
    is_by_order = split.fractions is not None and split.key is None and split.by_group is None
    return query is not None and is_by_order and not re.search(r"\border\s+by\b", query, re.IGNORECASE)
