"""A user's own project: the installed wheel, an empty folder, one table and the description that `describe` prints."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pandas
import pytest

from tests.workflow.conftest import Housing

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel installs; the dependencies come from the environment."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    install = [sys.executable, "-m", "zipfile", "-e", str(wheel), str(folder / "site")]
    subprocess.run(install, check=True)
    return folder / "site"


def table(rows: int = 240) -> str:
    """Mixed types, missing values, a separator of its own; the label depends on what is in the row."""
    generator = random.Random(3)
    lines = ["id;rooms;condition;heating;garden_m2;note;rent"]
    for number in range(rows):
        rooms = generator.randint(1, 6)
        condition = generator.choice(["poor", "fair", "good"])
        heating = generator.choice(["gas", "oil", "district", ""])
        garden = "" if generator.random() < 0.4 else f"{generator.uniform(5, 300):.1f}"
        rent = 300 + 210 * rooms + 90 * ["poor", "fair", "good"].index(condition) + generator.gauss(0, 40)
        lines.append(f"a{number};{rooms};{condition};{heating};{garden};text {number};{rent:.2f}")
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_all_steps_work_on_a_table_of_ones_own_without_python(site: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(table(), encoding="utf-8")

    def housing(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "housing", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    described = housing("describe", "mine.csv", "--label", "rent")
    assert described.returncode == 0, described.stderr
    folder = tmp_path / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(described.stdout, encoding="utf-8")
    try:
        run = housing("run", "--config-dir", "conf", "dataset=mine", "--json")
        assert run.returncode == 0, run.stderr
        result = json.loads(run.stdout)
        assert result["model"] == "mine"
        assert result["endpoint"] == "mine-endpoint"
        assert result["test"]["test_mae"] < 120
        assert len(result["predictions"]) == 5
        told = housing("status", "--config-dir", "conf", "dataset=mine")
        assert "housing predict mine.csv --config-dir conf dataset=mine" in told.stdout
        predicted = housing("predict", "mine.csv", "--config-dir", "conf", "dataset=mine", "--json")
        assert predicted.returncode == 0, predicted.stderr
        assert len(json.loads(predicted.stdout)["predictions"]) == 240
    finally:
        assert housing("destroy", "--config-dir", "conf", "dataset=mine").returncode == 0


@pytest.mark.parametrize("name", ["mine.csv.gz", pytest.param("mine.parquet", marks=pytest.mark.slow)])
def test_a_table_may_be_compressed_or_parquet(name: str, project: Path, housing: Housing) -> None:
    if name.endswith(".gz"):
        (project / name).write_bytes(gzip.compress(table().encode()))
    else:
        pandas.read_csv(io.StringIO(table()), sep=";").to_parquet(project / name)
    folder = project / "conf" / "dataset"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(housing("describe", name, "--label", "rent").out, encoding="utf-8")
    mine = ("--config-dir", "conf", "dataset=mine")
    ran = housing("run", *mine, "study.trials=1", "--json")
    assert ran.code == 0, ran.err
    predicted = housing("predict", name, *mine, "--json")
    assert predicted.code == 0, predicted.err
    assert len(predicted.data["predictions"]) == 240
