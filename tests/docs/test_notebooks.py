"""The notebooks and the script of the documents show what they show when they are run."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import nbformat
import pytest

from docs.write import notebooks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("default")
def test_the_notebooks_show_what_they_show(tmp_path: Path) -> None:
    for name, book in zip(notebooks.NAMES, notebooks.run(tmp_path), strict=True):
        kept = nbformat.read(notebooks.FOLDER / f"{name}.ipynb", as_version=4)
        assert notebooks.figures(kept), name
        assert not _warned(kept) and not _warned(book), "a path of the machine, most likely"
        assert notebooks.figures(book) == notebooks.figures(kept), f"{name}: run `python -m docs.write.notebooks`"


def test_the_notebook_of_the_walkthrough_is_short_and_has_its_figures() -> None:
    book = nbformat.read(notebooks.FOLDER / "walkthrough.ipynb", as_version=4)
    assert len(_lines("\n".join(cell.source for cell in book.cells if cell.cell_type == "code"))) < 15
    shown = {f"{float(figure):,.1f}" for figure in notebooks.figures(book)}
    assert {"16,097.9", "16,927.4"} <= shown & set(README.split())


@pytest.mark.timeout(600)
def test_the_script_is_short_and_has_the_figures_of_the_walkthrough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = ROOT / "docs" / "walkthrough.py"
    assert len(_lines(script.read_text(encoding="utf-8").partition('"""\n')[2])) < 15
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    printed, told = capsys.readouterr()
    assert "trials     9/9" in told, "progress is told as on the command line"
    shown = {f"{float(figure):,.1f}" for figure in re.findall(r"\d+\.\d+", printed)}
    for figure in ("9,293.4", "17,642.8", "16,097.9", "16,927.4", "56,638.1"):
        assert figure in README
        assert figure in shown
    assert not list(tmp_path.glob(".housing/endpoints/*.json")), "the endpoint is gone"


def _warned(book: nbformat.NotebookNode) -> list[str]:
    """What the cells say on stderr."""
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.text for output in outputs if output.get("name") == "stderr"]


def _lines(code: str) -> list[str]:
    return [line for line in code.splitlines() if line.strip()]
