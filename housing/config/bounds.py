"""How large and how deep a configuration may be: more is a mistake, or an attack on the machine.

Every bound is far above what an experiment needs, and what stays within all of them is composed in seconds.
"""

from __future__ import annotations

import re

MOST_BYTES = 1_000_000
"""Per file. A dataset's description of five thousand columns, at length, takes half of it."""
MOST_VALUES = 10_000
"""Per file, with aliases expanded: OmegaConf takes a millisecond for each value, and nested aliases multiply."""
DEEPEST = 30
"""Brackets, or levels of YAML, within each other; conf/ needs seven. Parsers recurse, and Python ends at a thousand."""
MOST_DIGITS = 300
"""Per number; a float has no more."""
LONGEST_OVERRIDE = 4_000
"""Characters: Hydra's grammar takes a second for a list of that length, and four times that for twice as much."""
MOST_RESOLVED = 50_000
"""Values, or hundreds of characters, once all interpolations are resolved: nested ones multiply like aliases."""
MOST_INTERPOLATIONS = 500
"""Per file: OmegaConf parses each several times, for some milliseconds."""
LONGEST_CHAIN = 20
"""References that lead to another reference; OmegaConf recurses a dozen calls deep for each."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters and lone surrogates, which no text may contain."""


def control_rule(character: str) -> str:
    return f"holds the control character U+{ord(character):04X}, which does not belong in a text; remove it"


def digits_rule(number: str) -> str:
    return f"a number has {len(number):,} digits; at most {MOST_DIGITS}"


def rounded(count: int) -> str:
    return f"{count:,}" if count < 10**9 else f"about 10^{len(str(count)) - 1}"
