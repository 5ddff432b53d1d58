"""Every command that README and the documents show is run, by a shell, in the order in which a reader meets them."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

import housing
from tests.workflow.shells import shell_path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST, *_SECTIONS = README.split("\n### ")
HOW_TO = {text.partition("\n")[0]: text for text in _SECTIONS}
CHALLENGER = "try a challenger on a part of the traffic"
"""It needs the champion that the commands before it have made."""
GUIDES = sorted(page for page in (ROOT / "docs").glob("*.md") if "```bash" in page.read_text(encoding="utf-8"))
# These are run by continuous integration itself, or by a person who looks at a browser.
NOT_HERE = ("make ", "mlflow ui")

Shell = Callable[[str], subprocess.CompletedProcess[str]]


def commands(text: str) -> list[str]:
    """Lines of bash blocks, and commands that open a table's row."""
    blocks = [line for block in re.findall(r"```bash\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    rows = re.findall(r"^\| `((?:housing|mlflow) [^`]+)` \|", text, re.MULTILINE)
    found = [line.strip() for line in rows + blocks if line.strip()]
    return [line for line in found if not line.startswith(NOT_HERE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A checkout as a user has it, with rows to predict and a table of their own.

    Its algorithms train for a few rounds, its studies have a few trials: what the defaults find is shown by benchmarks.
    """
    folder = tmp_path
    for name in ("MLproject", "python_env.yaml", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("conf", "housing"):
        shutil.copytree(ROOT / name, folder / name)
    for name, usual, fewer in (
        ("algorithm/xgboost", "num_round: 3000 ", "num_round: 60 "),
        ("algorithm/lightgbm", "num_boost_round: 3000 ", "num_boost_round: 60 "),
        ("algorithm/catboost", "iterations: 1000 ", "iterations: 60 "),
        ("study/quick", "\ntrials: 5\n", "\ntrials: 3\n"),
        ("study/walkthrough", "\ntrials: 9\n", "\ntrials: 3\n"),
    ):
        option = folder / "conf" / f"{name}.yaml"
        text = option.read_text(encoding="utf-8")
        assert usual in text
        option.write_text(text.replace(usual, fewer), encoding="utf-8")
    with (files("housing.data") / "ames.csv.gz").open("rb") as raw, gzip.open(raw, "rt") as text:
        rows = list(csv.DictReader(text))
    write(folder / "rows.csv", rows[:3], list(rows[0]))
    own = ["Id", "Neighborhood", "GrLivArea", "KitchenQual", "LotFrontage", "price"]
    table = [{"Id": str(i), **row, "price": row["SalePrice"]} for i, row in enumerate(rows[:400])]
    write(folder / "mine.csv", table, own)
    return folder


@pytest.fixture
def shell(folder: Path) -> Iterator[Shell]:
    """Runs a line in the folder; what it leaves running is ended afterwards."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PATH": path, "PYTHONPATH": str(folder)}
        command = ["bash", "-c", line]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    with shell_path() as path:
        yield run
        for state in (folder / ".housing" / "endpoints").glob("*.json"):
            run(f"housing destroy deployment.endpoint={state.stem}")
        run("housing rehearsal stop")


def write(file: Path, rows: list[dict[str, str]], names: list[str]) -> None:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def run(shell: Shell, listed: list[str]) -> None:
    assert listed
    for command in listed:
        done = shell(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, command


@pytest.mark.timeout(1800)
def test_every_command_of_the_readme_works_up_to_a_challenger(shell: Shell) -> None:
    listed = commands(FIRST)
    assert len(listed) > 10
    run(shell, listed + commands(HOW_TO[CHALLENGER]))
    endpoints = json.loads(shell("housing status --json").stdout)["endpoints"]
    (served,) = (each for each in endpoints if each["endpoint"] == "housing-endpoint")
    models = {name: variant["model"] for name, variant in served["variants"].items()}
    assert models.keys() == {"champion", "challenger"}
    assert models["champion"] != models["challenger"], "the challenger is another model"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("title", [title for title, text in HOW_TO.items() if title != CHALLENGER and commands(text)])
def test_every_how_to_of_the_readme_works_by_itself(shell: Shell, title: str) -> None:
    run(shell, commands(HOW_TO[title]))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_every_command_of_a_guide_works(shell: Shell, guide: Path) -> None:
    run(shell, commands(guide.read_text(encoding="utf-8")))


def test_the_readme_s_example_of_a_mistake_is_what_is_printed(shell: Shell) -> None:
    done = shell("housing train algorithm.maxdepth=4")
    assert done.returncode == 3
    example = re.search(r"```text\n(algorithm\.maxdepth.*?)```", README, re.DOTALL)
    assert example is not None
    assert example[1].strip() in done.stderr


def test_troubleshooting_tells_of_messages_as_they_are_printed(shell: Shell) -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    told = re.findall(r"```console\n\$ (housing .+)\n(.+)\n```", page)
    assert len(told) > 8
    for command, message in told:
        done = shell(command)
        assert done.returncode != 0, command
        assert " ".join(message.split()) in " ".join(done.stderr.split()), f"{command}\n{done.stderr}"


def test_one_version_everywhere_and_a_license() -> None:
    version = housing.__version__
    top = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert top is not None
    assert top[1] in (version, "Unreleased")
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version {version}," in (ROOT / "docs" / "faq.md").read_text(encoding="utf-8")
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert (ROOT / "SECURITY.md").exists()


def test_every_file_that_a_document_links_to_exists() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
