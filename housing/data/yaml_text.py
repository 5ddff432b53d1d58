"""Values as YAML that reads back as they are, inside a flow collection too."""

from __future__ import annotations

import math
import re


def value_text(text: str) -> str:
    """A scalar that stands for itself, although the configuration takes `${...}` in a value for a reference."""
    return scalar_text(text.replace("${", "\\${"))


def scalar_text(value: str | float | None) -> str:
    """A YAML scalar that reads back as this value, inside a flow collection too."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    # What every dialect reads alike; YAML's own writer takes a millisecond for it.
    if isinstance(value, int) or (isinstance(value, float) and re.fullmatch(r"-?\d+\.\d+", repr(value))):
        return repr(value)
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z]\w*[\d_]", value, re.ASCII):
        return value
    import yaml  # type: ignore[import-untyped]

    # YAML's dialects disagree on what else is a number, a date or a boolean: quote all but plain words.
    style = '"' if isinstance(value, str) and not re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII) else None
    text = yaml.safe_dump([value], default_flow_style=True, default_style=style, allow_unicode=True, width=math.inf)
    return str(text).strip().removeprefix("[").removesuffix("]")
