"""Every page of docs/reference/, by its file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docs.write import commands, configuration, errors, library, rehearsal

REFERENCE = Path(__file__).parents[1] / "reference"


def pages() -> Mapping[Path, str]:
    """What each file of docs/reference/ should hold."""
    found = {
        "commands.md": commands.page(),
        "python.md": library.page(),
        "errors.md": errors.page(),
        "rehearsal.md": rehearsal.page(),
        **{f"configuration/{name}.md": text for name, text in configuration.pages().items()},
    }
    return {REFERENCE / name: text.rstrip() + "\n" for name, text in found.items()}
