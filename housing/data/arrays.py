"""Python values as an Arrow array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from housing.data.missing import text_of

if TYPE_CHECKING:
    import pyarrow as pa


def array_of(values: Sequence[Any]) -> pa.Array:
    """An array of the values' type where they share one; else of texts, each as in a CSV file."""
    import pyarrow as pa

    try:
        found = pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        found = None
    if found is not None and not pa.types.is_time(found.type) and not pa.types.is_duration(found.type):
        return found
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return json.dumps(value)
    return text_of(value)
