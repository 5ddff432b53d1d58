"""Single cells: numbers, texts, or missing."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from housing.data.missing import is_missing, text_of

__all__ = ["HIGHEST_EXACT", "has_too_many_digits", "is_missing", "is_number", "number", "text_of"]

_WHOLE = re.compile(r"[-+]?\d{16,400}(\.\d*)?", re.ASCII)
_SAFE_DIGITS = 16
HIGHEST_EXACT = 2**53
"""The largest number up to which float64 represents every whole number."""


def number(text: str) -> float:
    """The finite number that a cell holds.

    Raises ValueError, also for what only Python reads as a number (such as 1_000), and for numbers that would lose
    digits.
    """
    value = float(text)
    if "_" in text or not text.isascii() or not math.isfinite(value) or has_too_many_digits(text):
        raise ValueError(text)
    return value


def has_too_many_digits(value: str | int | Decimal) -> bool:
    """Whether a whole number beyond 2^53 would lose digits as a float64."""
    if isinstance(value, str):
        if len(value) < _SAFE_DIGITS:
            return False
    elif -HIGHEST_EXACT <= value <= HIGHEST_EXACT:
        return False
    text = str(value).strip()
    if not _WHOLE.fullmatch(text):
        return False
    return abs(float(text)) >= HIGHEST_EXACT and Decimal(float(text)) != Decimal(text)


def is_number(text: str) -> bool:
    """Whether `number` accepts the text."""
    try:
        number(text)
    except ValueError:
        return False
    return True
