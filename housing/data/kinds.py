"""Columns of truth values, and of text that no model here learns from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

_TRUE, _FALSE = ("true", "yes", "y", "t", "on", "1", "1.0"), ("false", "no", "n", "f", "off", "0", "0.0")
TRUTH: Mapping[str, bool] = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
"""Texts of truth values, in lower case."""


@dataclass(frozen=True)
class Boolean:
    """True or false, also written yes or no, y or n, t or f, on or off, 1 or 0, in any case."""

    kind: Literal["boolean"] = "boolean"
    missing: Literal["refused", "unknown", "none"] = "refused"


@dataclass(frozen=True)
class Text:
    """Free text: present in the file, not used."""

    kind: Literal["text"] = "text"


def truth(text: str) -> bool | None:
    """What a text says; None for what is neither."""
    return TRUTH.get(text.strip().lower())
