"""What the reference says is what the code says."""

from __future__ import annotations

from docs.write.pages import REFERENCE, pages


def test_the_reference_is_what_the_code_says() -> None:
    wanted = {file.relative_to(REFERENCE): text for file, text in pages().items()}
    there = {file.relative_to(REFERENCE): file.read_text(encoding="utf-8") for file in REFERENCE.rglob("*.md")}
    stale = sorted(str(name) for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    assert stale == [], "run `make generated`"


def test_a_key_is_told_with_its_type_default_rule_and_meaning() -> None:
    study = (REFERENCE / "configuration" / "study.md").read_text(encoding="utf-8")
    assert (
        "| `trials` | whole number | required; shipped `5` | must be 1 or more | how many trials the study has |"
        in study
    )
    assert "| `patience` | whole number or null | `null` | must be 1 or more |" in study
    gate = (REFERENCE / "configuration" / "gate.md").read_text(encoding="utf-8")
    assert "`clearly_better` or `better` or `not_clearly_worse` or `nothing`" in gate
