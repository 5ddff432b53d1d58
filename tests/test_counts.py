"""Counts in messages have separators: 333,334 rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import housing

_COUNTED = re.compile(
    r"(different|equal|training|other|smaller|rarer|deleted|of|labels|rows?|columns?|levels?|groups?|texts?|values?|cells?"
    r"|times|files?|characters|answers|moments|more|faults|jobs|runs|trials|slices|models)\b"
)
_A_COUNT = re.compile(
    r"len\(.*\)|.*- len\(.*|count|(table\.|self\.)?rows|(found\.)?left|groups|different|more|rest|rounds|width|moments"
)


def _plain_counts(file: Path) -> Iterator[str]:
    for text in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.JoinedStr)):
        for part, behind in zip(text.values, text.values[1:], strict=False):
            if not isinstance(part, ast.FormattedValue) or part.format_spec or not isinstance(behind, ast.Constant):
                continue
            is_count = _A_COUNT.fullmatch(ast.unparse(part.value)) and _COUNTED.match(str(behind.value)[1:])
            if is_count and str(behind.value).startswith(" "):
                yield f"{file.name}:{part.lineno}: {ast.unparse(part.value)}{behind.value}"


def test_counts_in_messages_have_separators() -> None:
    folder = Path(housing.__file__).parent
    files = [file for file in folder.rglob("*.py") if "rehearsal" not in file.parts]
    assert len(files) > 300
    assert [found for file in files for found in _plain_counts(file)] == []
