"""A new project composes, and its data are described; what cannot be made leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import housing
from housing.cli.dispatch import main
from housing.errors import ConfigError, DataError
from housing.project import new

HOMES = "id,rooms,heating,price\n" + "".join(
    f"{i},{i % 7},{'gas' if i % 2 else 'oil'},{100 + 3 * i}\n" for i in range(1, 121)
)


def test_a_project_of_an_example_composes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new(Path("shop"))
    experiment = housing.compose("experiment=project", config_dir=tmp_path / "shop" / "conf")
    assert experiment.config.name == "shop"
    assert experiment.config.study.trials == 20


def test_a_project_of_a_file_has_it_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my homes.csv").write_text(HOMES)
    assert main(["new", "shop", "--data", "my homes.csv", "--label", "price"]) == 0
    assert "cd shop && housing run --config-dir conf experiment=project" in capsys.readouterr().out
    monkeypatch.chdir(tmp_path / "shop")
    config = housing.compose("experiment=project", config_dir="conf").config
    assert (config.dataset.source, config.dataset.label) == ("data/my homes.csv", "price")
    assert Path("data/my homes.csv").read_text() == HOMES


def test_its_workflow_plans_on_a_pull_request_and_promotes_on_main(tmp_path: Path) -> None:
    new(tmp_path / "shop")
    jobs = yaml.safe_load((tmp_path / "shop/.github/workflows/model.yml").read_text())["jobs"]
    commands = {name: [step.get("run", "") for step in job["steps"]] for name, job in jobs.items()}
    assert any("housing plan" in command for command in commands["plan"])
    assert any("housing promote" in command for command in commands["promote"])
    assert "pull_request" in jobs["plan"]["if"] and "push" in jobs["promote"]["if"]


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"folder": "there"}, ConfigError, "is there already"),
        ({"folder": "a/b"}, ConfigError, "there is no folder a"),
        ({"folder": "1 2"}, ConfigError, "must begin with a letter"),
        ({"folder": "shop", "data": Path("homes.csv")}, ConfigError, "--data and --label: go together"),
        ({"folder": "shop", "data": Path("nowhere.csv"), "label": "price"}, ConfigError, "--data nowhere.csv"),
        ({"folder": "shop", "data": Path("homes.csv"), "label": "prize"}, DataError, "did you mean 'price'"),
    ],
)
def test_what_cannot_be_made_leaves_nothing_behind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: dict[str, object],
    error: type[Exception],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    Path("homes.csv").write_text(HOMES)
    folder = Path(str(arguments["folder"]))
    with pytest.raises(error, match=told):
        new(folder, data=arguments.get("data"), label=arguments.get("label"))  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["homes.csv", "there"]
