"""No line that proposes a command, and no recipe, promises a better model than was measured.

What was measured on every table would be a promise of its own, beside its script in benchmarks/; there is none so far.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROMISE = re.compile(
    r"\b(better|improv\w+|outperform\w*|more accurate|smaller error|lower error|stronger)\b", re.IGNORECASE
)
KNOWN = {
    "README.md": ["asks that a new champion be better beyond doubt"],  # a rule of the gate
    "docs/benchmark.md": ["by how much better the value"],  # the optimism of a search, which is told, not sold
    "docs/own-algorithm.md": ["says which way is better"],
    "docs/python.md": ["better or chance"],  # a comparison's question
    "docs/reports.md": ["better or chance explains"],
    "docs/sagemaker.md": ["for a better round and trains on"],  # rounds of one fit
    "docs/serving.md": ["says which of them is better"],
    "docs/troubleshooting.md": ["was not better than the champion"],
    "conf/features/domain_native.yaml": ["better on Ames with boosted trees"],  # decision 127
}
"""Sentences with such a word that compare something else, or say where they were measured."""


def _proposed() -> Iterator[str]:
    """What stands beside a command in a last block: `(invocation.next(...), "what it does")`."""
    for file in (ROOT / "housing").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2 and "next" in ast.unparse(node.elts[0]):
                texts = [n.value for n in ast.walk(node.elts[1]) if isinstance(n, ast.Constant)]
                yield from (text for text in texts if isinstance(text, str))


def _choices() -> Iterator[Path]:
    """Files of conf/, but for the gates, whose rules are about better and worse."""
    return (file for file in (ROOT / "conf").rglob("*.yaml") if file.parent.name != "gate")


def test_no_proposed_command_promises_a_better_model() -> None:
    proposed = list(_proposed())
    assert "all trials in the browser" in proposed
    assert len(proposed) > 30
    assert [text for text in proposed if PROMISE.search(text)] == []


def test_no_recipe_promises_a_better_model() -> None:
    files = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *_choices()]
    told = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}
    found = {
        name: [line for line in text.splitlines() if PROMISE.search(line) and not _is_known(line, KNOWN.get(name, []))]
        for name, text in told.items()
    }
    assert {name: lines for name, lines in found.items() if lines} == {}
    gone = [(name, known) for name, all_known in KNOWN.items() for known in all_known if known not in told[name]]
    assert gone == []


def _is_known(line: str, known: list[str]) -> bool:
    return any(one in line for one in known)
