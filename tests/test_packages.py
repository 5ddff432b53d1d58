"""A package that brings an algorithm and a metric, as its authors would test it: no line of housing is changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parent / "example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a process that has the package beside housing."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for file in EXAMPLE.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            copy = source / file.relative_to(EXAMPLE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True, text=True)
    return {**os.environ, "PYTHONPATH": str(target)}


@pytest.mark.slow
def test_its_algorithm_keeps_housing_s_contracts_on_every_target(installed: Mapping[str, str], tmp_path: Path) -> None:
    file = tmp_path / "test_example.py"
    file.write_bytes((EXAMPLE / "test_example.py").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        cwd=tmp_path,
        env=installed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.slow
def test_its_algorithm_does_the_whole_walk(installed: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "conf" / "algorithm").mkdir(parents=True)
    (tmp_path / "conf" / "algorithm" / "ridge.yaml").write_text("name: ridge\npenalty: 10\n")
    (tmp_path / "conf" / "search_space" / "ridge").mkdir(parents=True)
    (tmp_path / "conf" / "search_space" / "ridge" / "quick.yaml").write_text(
        "penalty: {type: float, low: 0.1, high: 1000, log: true}\n"
    )
    columns = ", ".join(f"{name}: {{kind: numeric}}" for name in ("area", "age", "price"))
    (tmp_path / "conf" / "dataset").mkdir()
    (tmp_path / "conf" / "dataset" / "houses.yaml").write_text(
        f"name: houses\nsource: houses.csv\nlabel: price\ncolumns: {{{columns}}}\n"
        "split: {fractions: {train: 0.6, validation: 0.2, test: 0.2}, seed: 0}\n"
    )
    rows = [(50 + n, n % 30, 1000 * (50 + n) - 500 * (n % 30)) for n in range(200)]
    text = "area,age,price\n" + "".join(f"{area},{age},{price}\n" for area, age, price in rows)
    (tmp_path / "houses.csv").write_text(text)
    command = [sys.executable, "-m", "housing", "run", "--config-dir", "conf", "dataset=houses", "algorithm=ridge"]
    done = subprocess.run(
        [*command, "study.trials=3"], cwd=tmp_path, env=installed, capture_output=True, text=True, check=False
    )
    try:
        assert done.returncode == 0, done.stderr
        assert "houses-endpoint answers with houses version 1" in done.stdout
    finally:
        subprocess.run(
            [sys.executable, "-m", "housing", "destroy", "--config-dir", "conf", "dataset=houses", "algorithm=ridge"],
            cwd=tmp_path,
            env=installed,
            check=False,
        )


@pytest.mark.slow
def test_its_metric_is_an_objective_and_what_the_gate_asks_for(installed: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "conf" / "dataset").mkdir(parents=True)
    columns = "a: {kind: numeric}, b: {kind: numeric}, bought: {kind: nominal, levels: ['no', 'yes']}"
    (tmp_path / "conf" / "dataset" / "shop.yaml").write_text(
        f"name: shop\nsource: shop.csv\nlabel: bought\npositive: 'yes'\ncolumns: {{{columns}}}\n"
        "split: {fractions: {train: 0.6, validation: 0.2, test: 0.2}, seed: 0}\n"
    )
    rows = [(n % 17, n % 7, "yes" if (n % 17) * (n % 7) > 60 - n % 5 else "no") for n in range(600)]
    (tmp_path / "shop.csv").write_text("a,b,bought\n" + "".join(f"{a},{b},{bought}\n" for a, b, bought in rows))

    def housing(*arguments: str) -> Any:
        command = [sys.executable, "-m", "housing", *arguments, "--config-dir", "conf", "dataset=shop", "--json"]
        return subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True, check=False)

    tuned = housing("tune", "study.objective=validation_lift", "study.trials=2", "study.parallel=1")
    assert tuned.returncode == 0, tuned.stderr
    assert json.loads(tuned.stdout)["best"]["validation_lift"] > 2
    refused = housing("promote", "study.objective=validation_lift", "gate.metric=lift", "gate.at_least=100")
    assert refused.returncode == 4
    assert "test lift at least 100" in refused.stderr
    passed = housing("promote", "study.objective=validation_lift", "gate.metric=lift", "gate.at_least=2")
    assert passed.returncode == 0, passed.stderr
    assert json.loads(passed.stdout)["metrics"]["test_lift"] > 2
    mistyped = housing("promote", "gate.metric=lfit")
    assert "did you mean lift?" in mistyped.stderr
