"""Values as YAML that reads back as they are, inside a flow collection too."""

from __future__ import annotations

import math
import re


def value_text(text: str) -> str:
    """A scalar that stands for itself, although the configuration takes `${...}` in a value for a reference."""
    return scalar_text(text.replace("${", "\\${"))


def scalar_text(value: str | float | None) -> str:
    """A YAML scalar that reads back as this value, inside a flow collection too."""
    import yaml  # type: ignore[import-untyped]

    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    # YAML's dialects disagree on what else is a number, a date or a boolean: quote all but plain words.
    style = '"' if isinstance(value, str) and not re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII) else None
    text = yaml.safe_dump([value], default_flow_style=True, default_style=style, allow_unicode=True, width=math.inf)
    return str(text).strip().removeprefix("[").removesuffix("]")
