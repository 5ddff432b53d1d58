"""Columns that some tasks need besides the label: the group of each row, and whether a row's event was seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from housing.data.cells import is_missing, text_of
from housing.data.faults import listed
from housing.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from housing.data.description import Dataset

Columns = Mapping[str, "NDArray[Any]"]
"""The columns of a table, by name."""

_SEEN = {"1": True, "1.0": True, "true": True, "0": False, "0.0": False, "false": False}


def with_task_columns(columns: dict[str, NDArray[Any]], dataset: Dataset, source: str) -> dict[str, NDArray[Any]]:
    """The columns of a table; where the dataset has an `event`, times of unseen events are negative.

    Raises DataError on rows without a group, on invalid values of the event, and on times that are not above 0.
    """
    if dataset.group is not None and (missing := sum(map(is_missing, columns[dataset.group].tolist()))):
        raise DataError(f"{source}: {dataset.group}: {missing:,} rows have no group; leave them out")
    if dataset.weight is not None and not (columns[dataset.weight] > 0).all():
        least = columns[dataset.weight].min()
        raise DataError(
            f"{source}: {dataset.weight}: weights must be more than 0, the least is {least:g}; leave such rows out"
        )
    if dataset.event is None:
        return columns
    events, times = columns[dataset.event], columns[dataset.label]
    if (times <= 0).any():
        raise DataError(f"{source}: {dataset.label}: times must be more than 0, the least is {times.min():g}")
    odd = sorted({str(text_of(event)) for event in events.tolist() if _seen(event) is None})
    if odd:
        raise DataError(f"{source}: {dataset.event}: an event is 1 or 0, or true or false, got {listed(odd)}")
    seen = np.array([_seen(event) for event in events.tolist()], bool)
    return {**columns, dataset.label: np.where(seen, times, -times)}


def time_of(time: float, event: object) -> float | None:
    """A time's label, negative where its event was not seen; None for an invalid event or time."""
    seen = _seen(event)
    return None if seen is None or time <= 0 else time if seen else -time


def groups_of(table: Columns, dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Each row's group number, from 0 in order of appearance; None where the dataset has no groups."""
    if dataset.group is None:
        return None
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in table[dataset.group][rows].tolist()], np.int64)


def _seen(event: object) -> bool | None:
    return None if is_missing(event) else _SEEN.get(text_of(event).lower())
