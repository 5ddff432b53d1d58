"""The kinds of columns in a description."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from housing.data.faults import listed, repeated

_TRUE, _FALSE = ("true", "yes", "y", "t", "on", "1", "1.0"), ("false", "no", "n", "f", "off", "0", "0.0")
TRUTH: Mapping[str, bool] = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
"""Texts that mean true or false, in lower case."""


Missing = Literal["refused", "unknown", "none"]
"""What an empty cell means: an error, a value nobody wrote down, or a thing that is not there."""


@dataclass(frozen=True)
class Numeric:
    """A number; `low` and `high` are the allowed range, both inclusive, in the column's own unit."""

    kind: Literal["numeric"] = "numeric"
    low: float | None = None
    high: float | None = None
    missing: Missing = "refused"

    def __post_init__(self) -> None:
        for key in ("low", "high"):
            bound = getattr(self, key)
            if bound is not None and not math.isfinite(bound):
                raise ValueError(f"{key} must be a finite number or null, got {bound}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"need low <= high, got {self.low} and {self.high}")


@dataclass(frozen=True)
class Ordinal:
    """Levels with an order, lowest first."""

    levels: tuple[str, ...]
    kind: Literal["ordinal"] = "ordinal"
    missing: Missing = "refused"

    def __post_init__(self) -> None:
        _check_levels(self.levels)


@dataclass(frozen=True)
class Nominal:
    """Levels without an order; without `levels`, those of the training rows are learnt."""

    kind: Literal["nominal"] = "nominal"
    levels: tuple[str, ...] | None = None
    missing: Missing = "refused"

    def __post_init__(self) -> None:
        if self.levels is not None:
            _check_levels(self.levels)


@dataclass(frozen=True)
class Identifier:
    """Names a row; never a feature."""

    kind: Literal["identifier"] = "identifier"
    unique: bool = True
    missing: Missing = "refused"


@dataclass(frozen=True)
class Ignored:
    """Present in the file, not used."""

    kind: Literal["ignored"] = "ignored"


@dataclass(frozen=True)
class Boolean:
    """True or false, also written yes or no, y or n, t or f, on or off, 1 or 0, in any case."""

    kind: Literal["boolean"] = "boolean"
    missing: Missing = "refused"


@dataclass(frozen=True)
class Text:
    """Free text: present in the file, not used."""

    kind: Literal["text"] = "text"


def truth(text: str) -> bool | None:
    """The boolean that a text means; None for any other text."""
    return TRUTH.get(text.strip().lower())


def _check_levels(levels: tuple[str, ...]) -> None:
    if not levels:
        raise ValueError("levels must not be empty")
    if twice := repeated(levels):
        raise ValueError(f"levels must be unique; listed again: {listed(twice)}")
