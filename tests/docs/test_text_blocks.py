"""Commands on the site that no test runs, for want of the database or file they are about, can at least be typed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from housing.cli.arguments import parse

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = [
    (page.name, line)
    for page in sorted(DOCS.glob("*.md"))
    for block in re.findall(r"```text\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
    if line.startswith("housing ") and "..." not in line
]


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=[f"{page}: {line[:40]}" for page, line in COMMANDS])
def test_a_command_that_is_only_shown_has_the_flags_it_is_shown_with(page: str, line: str) -> None:
    typed = shlex.split(line, comments=True)[1:]
    assert parse(typed).command == typed[0], page


def test_the_page_about_data_shows_such_commands() -> None:
    assert {page for page, _ in COMMANDS} >= {"data.md"}
