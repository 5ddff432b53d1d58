"""How large and how deep a configuration may be, declared once: more is a mistake, or made to keep a machine busy.

Every bound is far above what an experiment needs, and what stays within all of them is composed in seconds.
"""

from __future__ import annotations

import re

MOST_BYTES = 1_000_000
"""Of a file. Five thousand columns of a dataset, described at length, are half of it."""
MOST_VALUES = 10_000
"""Of a file, aliases written out: composing one takes OmegaConf a millisecond, and ten aliases of ten are a billion."""
DEEPEST = 30
"""Brackets, or levels of YAML, within each other; conf/ needs seven. Parsers recurse, and Python ends at a thousand."""
MOST_DIGITS = 300
"""Of one number: no more fit into a floating-point number."""
LONGEST_OVERRIDE = 4_000
"""Characters: Hydra's grammar takes a second for a list of that length, and four times that for twice as much."""
MOST_RESOLVED = 50_000
"""Values, or hundreds of characters, when all interpolations are worked out: five of five of five grow like aliases."""
MOST_INTERPOLATIONS = 500
"""Of a file: each is read by OmegaConf's grammar, several times and for some milliseconds."""
LONGEST_CHAIN = 20
"""References that lead to the next reference; each takes OmegaConf a dozen calls within each other."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""A character that is no part of any text."""


def control_rule(character: str) -> str:
    return f"holds the control character U+{ord(character):04X}, which does not belong in a text; remove it"


def digits_rule(number: str) -> str:
    return f"a number has {len(number):,} digits; at most {MOST_DIGITS}"


def rounded(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"about 10^{len(str(count)) - 1}"
