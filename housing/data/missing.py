"""Recognises missing cells, and converts others to text."""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from numbers import Integral, Real

Place = Callable[[int], str]
"""Cell index -> its place in words: `line 7`."""


def text_of(value: object) -> str:
    """A value as text in a CSV file: 20 and 20.0 are both `20`."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def is_missing(value: object, texts: Container[str] = ()) -> bool:
    """Whether a cell is missing: None, NaN, pandas' NA or NaT, or one of `texts`."""
    if isinstance(value, str):
        return value in texts
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    # NumPy's other float types; integers are excluded, since they may be too large for a float.
    if isinstance(value, Real) and not isinstance(value, Integral) and math.isnan(value):
        return True
    # By name: this module must not import pandas, and NA cannot be compared.
    return type(value).__name__ in ("NAType", "NaTType")
