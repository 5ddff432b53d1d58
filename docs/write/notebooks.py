"""Run the notebooks again and keep what they show: `python -m docs.write.notebooks`.

They run in one kernel and one empty folder, in the order of the site, so that what one has trained serves the next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = ("walkthrough", "classification", "answers")
_FIGURE = re.compile(r"\d+\.\d{5,}")


def run(folder: Path) -> Sequence[NotebookNode]:
    """Copies of the notebooks, with what their cells show when they are run in an empty folder."""
    books = [nbformat.read(FOLDER / f"{name}.ipynb", as_version=4) for name in NAMES]
    together = nbformat.v4.new_notebook(cells=[cell for book in books for cell in book.cells])
    NotebookClient(
        together, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return books


def figures(book: NotebookNode) -> Sequence[str]:
    """The figures that a notebook shows, in order: what is not of the machine and the day."""
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = ["".join(o["data"].get("text/html", o["data"]["text/plain"])) for o in outputs if "data" in o]
    return _FIGURE.findall("\n".join(shown))


def main() -> None:
    """Writes the notebooks with their outputs."""
    with TemporaryDirectory() as folder:
        for name, book in zip(NAMES, run(Path(folder)), strict=True):
            for cell in book.cells:
                cell.metadata.pop("execution", None)
            _number(book)
            nbformat.write(book, FOLDER / f"{name}.ipynb")


def _number(book: NotebookNode) -> None:
    """From 1, as if it had a kernel of its own."""
    for number, cell in enumerate((cell for cell in book.cells if cell.cell_type == "code"), 1):
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number


if __name__ == "__main__":
    main()
