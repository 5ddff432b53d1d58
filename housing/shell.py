"""Commands ready to paste, quoted so that a shell, Hydra and YAML read back what was meant.

Every command that housing prints is built here, so that a run called `40401025`, or a space in a folder's name, needs
no care anywhere else.
"""

from __future__ import annotations

import re
import shlex

_PLAIN = re.compile(r"(\.{0,2}/|[A-Za-z_])[\w./:@%+-]*|[1-9]\d*[abcdf][0-9a-f]*", re.ASCII)
"""Words, addresses, and hexadecimal ids that do not read as a number."""

_MEANS_SOMETHING = re.compile(r"(null|none|true|false|yes|no|on|off|nan|inf|infinity|y|n)", re.IGNORECASE)


def command(name: str, *words: str) -> str:
    """`housing <name> <words>`, quoted for a shell."""
    return shlex.join(("housing", name, *words))


def setting(key: str, value: str) -> str:
    """The override `key=value` whose value is exactly this text, quoted where Hydra would read something else."""
    return f"{key}={hydra_text(value)}"


def hydra_text(text: str) -> str:
    """A text that Hydra's grammar reads back unchanged; quoted where needed, as for digits, spaces or brackets."""
    if _PLAIN.fullmatch(text) and not _MEANS_SOMETHING.fullmatch(text):
        return text
    # A backslash is special only before a quote, at the end, and before an interpolation; there it is doubled.
    escaped = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', escaped)
    escaped = re.sub(r"(\\+)$", r"\1\1", escaped)
    return f'"{escaped}"'
