"""Commands as a person pastes them: what is written here a shell, Hydra and YAML read back as it was meant.

Every command that housing prints is made here, so that a run called `40401025` or a folder with a blank in its name
needs no care anywhere else.
"""

from __future__ import annotations

import re
import shlex

_PLAIN = re.compile(r"(\.{0,2}/|[A-Za-z_])[\w./:@%+-]*|[1-9]\d*[abcdf][0-9a-f]*", re.ASCII)
"""Words, addresses, and ids in hexadecimal that nobody takes for a number."""

_MEANS_SOMETHING = re.compile(r"(null|none|true|false|yes|no|on|off|nan|inf|infinity|y|n)", re.IGNORECASE)


def command(name: str, *words: str) -> str:
    """`housing <name> <words>`, quoted for a shell."""
    return shlex.join(("housing", name, *words))


def setting(key: str, value: str) -> str:
    """The override `key=value` whose value is this very text: in quotes where Hydra would read something else."""
    return f"{key}={hydra_text(value)}"


def hydra_text(text: str) -> str:
    """A text as Hydra's grammar reads it back; in quotes where it must be, such as digits, blanks or brackets."""
    if _PLAIN.fullmatch(text) and not _MEANS_SOMETHING.fullmatch(text):
        return text
    # A backslash counts only before a quote, at the end and before an interpolation; there each is written twice.
    escaped = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', escaped)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f'"{escaped}"'
