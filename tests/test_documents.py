"""Every command that README and the documents show is run, by a shell, in the order in which a reader meets them."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = sorted(page for page in (ROOT / "docs").glob("*.md") if "```bash" in page.read_text(encoding="utf-8"))
# These are run by continuous integration itself, or by a person who looks at a browser.
NOT_HERE = ("make ", "mlflow ui")


def commands(text: str) -> list[str]:
    """Lines of bash blocks, and commands that open a table's row."""
    blocks = [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    rows = re.findall(r"^\| `((?:housing|mlflow) [^`]+)` \|", text, re.MULTILINE)
    found = [line.strip() for line in rows + blocks if line.strip()]
    return [line for line in found if not line.startswith(NOT_HERE)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A checkout as a user has it, with rows to predict and a table of their own."""
    folder = tmp_path
    for name in ("MLproject", "python_env.yaml", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("conf", "housing"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (files("housing.data") / "ames.csv.gz").open("rb") as raw, gzip.open(raw, "rt") as text:
        rows = list(csv.DictReader(text))
    write(folder / "rows.csv", rows[:3], list(rows[0]))
    own = ["Id", "Neighborhood", "GrLivArea", "KitchenQual", "LotFrontage", "price"]
    table = [{"Id": str(i), **row, "price": row["SalePrice"]} for i, row in enumerate(rows[:400])]
    write(folder / "mine.csv", table, own)
    yield folder
    for state in (folder / ".housing" / "endpoints").glob("*.json"):
        shell(folder, f"housing destroy deployment.endpoint={state.stem}")
    shell(folder, "housing rehearsal stop")


def write(file: Path, rows: list[dict[str, str]], names: list[str]) -> None:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.timeout(900)
def test_every_command_of_the_readme_works(folder: Path) -> None:
    assert shell(folder, "housing run experiment=walkthrough").returncode == 0
    listed = commands(README)
    assert len(listed) > 15
    for command in listed:
        done = shell(folder, command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, command
    endpoints = json.loads(shell(folder, "housing status --json").stdout)["endpoints"]
    (served,) = (each for each in endpoints if each["endpoint"] == "housing-endpoint")
    models = {name: variant["model"] for name, variant in served["variants"].items()}
    assert models.keys() == {"champion", "challenger"}
    assert models["champion"] != models["challenger"], "the challenger is another model"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_every_command_of_a_guide_works(folder: Path, guide: Path) -> None:
    listed = commands(guide.read_text(encoding="utf-8"))
    assert listed
    for command in listed:
        done = shell(folder, command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, command


def test_the_readme_s_example_of_a_mistake_is_what_is_printed(folder: Path) -> None:
    done = shell(folder, "housing train algorithm.maxdepth=4")
    assert done.returncode == 3
    example = re.search(r"```text\n(algorithm\.maxdepth.*?)```", README, re.DOTALL)
    assert example is not None
    assert example[1].strip() in done.stderr


def test_every_file_that_a_document_links_to_exists() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
