"""Values for a JSON document: numbers stay numbers, times are ISO 8601, unknown values are null."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from datetime import date, time
from typing import Any


def json_value(value: object) -> Any:
    """The value in JSON's types; NaN and infinity, which JSON does not have, become null."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | Set):
        return [json_value(item) for item in (sorted(value, key=str) if isinstance(value, Set) else value)]
    if isinstance(value, date | time):
        return value.isoformat()
    of_numpy = getattr(value, "tolist", None)  # NumPy's scalars and arrays, without importing it
    return json_value(of_numpy()) if callable(of_numpy) else str(value)
