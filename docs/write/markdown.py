"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by `python -m docs.write`: change the code that it tells of, not this file. -->\n"


def page(title: str, *parts: str) -> str:
    """A page, with a line that says where it comes from."""
    return "\n".join([NOTE, f"# {title}\n", *(part.rstrip() + "\n" for part in parts if part.strip())])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a cell's own bars and line ends do not break it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def code(text: object) -> str:
    """Text as it is typed; nothing for an empty one."""
    return f"`{text}`" if str(text) else ""


def prose(text: str) -> str:
    """A docstring's text, in which nothing is a tag of HTML."""
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in _CODE.split(text))


def _cell(text: str) -> str:
    return prose(" ".join(text.split())).replace("|", "\\|")


_CODE = re.compile(r"(`[^`]*`)")
