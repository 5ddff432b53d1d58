"""Writes values as YAML scalars that read back unchanged, also inside flow collections."""

from __future__ import annotations

import math
import re


def value_text(text: str) -> str:
    """A scalar for a literal text: `${...}` in it is escaped, which would otherwise be an interpolation."""
    return scalar_text(text.replace("${", "\\${"))


def scalar_text(value: str | float | None) -> str:
    """A YAML scalar that reads back as this value, also inside a flow collection."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    # A fast path for what every YAML dialect reads alike; the YAML library takes a millisecond.
    if isinstance(value, int) or (isinstance(value, float) and re.fullmatch(r"-?\d+\.\d+", repr(value))):
        return repr(value)
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]\w*[\d_]", value, re.ASCII):
        return value
    import yaml  # type: ignore[import-untyped]

    # YAML dialects disagree on what else is a number, a date or a boolean: quote everything but plain words.
    style = '"' if isinstance(value, str) and not re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII) else None
    text = yaml.safe_dump([value], default_flow_style=True, default_style=style, allow_unicode=True, width=math.inf)
    return str(text).strip().removeprefix("[").removesuffix("]")
