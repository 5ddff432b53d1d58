"""What Hydra composed is used again as long as nothing that it depends on has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from housing.config.bases import _composed, _Known, composed_by_hydra
from housing.config.files import conf_dir
from housing.config.load import load, read_overrides
from housing.errors import ConfigError
from tests.config.conftest import Write


def test_a_value_of_one_configuration_is_in_no_other() -> None:
    first = load(("algorithm.eta=0.31", "dataset.columns.LotArea.low=7"))
    second = load()
    assert first.algorithm.hyperparameters["eta"] == 0.31
    assert second.algorithm.hyperparameters["eta"] != 0.31
    assert first.dataset.columns["LotArea"] != second.dataset.columns["LotArea"]


def test_a_file_that_was_changed_is_read_again(write: Write, project: Path) -> None:
    write("experiment/mine.yaml", "# @package _global_\nseed: 11\n")
    assert load(("experiment=mine",), project).seed == 11
    write("experiment/mine.yaml", "# @package _global_\nseed: 12\n")
    assert load(("experiment=mine",), project).seed == 12
    write("experiment/mine.yaml", "# @package _global_\nseeed: 12\n")
    with pytest.raises(ConfigError, match="did you mean seed"):
        load(("experiment=mine",), project)


@pytest.mark.parametrize("named", ["${oc.env:STUDY}", "${oc.env: 'STUDY'}", "${oc.env:${oc.env:NAME}}"])
def test_a_variable_that_was_changed_is_read_again(
    write: Write, project: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    write("experiment/mine.yaml", f"# @package _global_\ndefaults:\n  - override /study: {json.dumps(named)}\n")
    monkeypatch.setenv("NAME", "STUDY")
    for study in ("random", "tpe"):
        monkeypatch.setenv("STUDY", study)
        assert load(("experiment=mine",), project).study.sampler == study


def test_a_variable_of_the_command_line_that_was_changed_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for study in ("random", "tpe"):
        monkeypatch.setenv("STUDY", study)
        assert load(("study=${oc.env:STUDY}",)).study.sampler == study


STUDY = (conf_dir() / "study" / "quick.yaml").read_text()
OTHER_STUDY = STUDY.replace("sampler: tpe", "sampler: random")


def test_files_of_a_linked_folder_are_read_again(project: Path, tmp_path: Path) -> None:
    far = tmp_path / "far" / "theirs.yaml"
    far.parent.mkdir()
    (project / "study").mkdir()
    (project / "study" / "linked").symlink_to(far.parent)
    (project / "study" / "back").symlink_to(project)
    for text, sampler in ((STUDY, "tpe"), (OTHER_STUDY, "random")):
        far.write_text(text)
        assert load(("study=linked/theirs",), project).study.sampler == sampler


def test_files_beyond_our_folders_are_read_again(write: Write, project: Path, tmp_path: Path) -> None:
    far = tmp_path / "study" / "theirs.yaml"
    far.parent.mkdir()
    ours = (conf_dir() / "config.yaml").read_text().replace("study: quick", "study: theirs")
    write("config.yaml", ours.replace("\nhydra:", f"\nhydra:\n  searchpath: ['file://{tmp_path}']"))
    for text, sampler in ((STUDY, "tpe"), (OTHER_STUDY, "random")):
        far.write_text(text)
        assert load((), project).study.sampler == sampler


KEYS = ("algorithm.eta", "dataset.columns.LotArea.low", "study", "algorithm.new", "a.b.c")
VALUES = ("0.5", "null", "{a: 1, b: [2, x]}", "[1, 2]", "${seed}")
UNREADABLE = {("study", "0.5"), ("study", "[1, 2]")}
"""No option of the group is called so: refused before anything is composed."""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param(key, value, marks=() if (x + y) % 5 == 2 else pytest.mark.slow)
        for x, key in enumerate(KEYS)
        for y, value in enumerate(VALUES)
        if (key, value) not in UNREADABLE
    ],
)
def test_it_is_what_hydra_composes_of_all_at_once(key: str, value: str) -> None:
    same_as_hydra((f"{key}={value}", "seed=5"))


@pytest.mark.parametrize(
    "overrides",
    [
        ("~search_space", "study=zip"),
        ("algorithm.new=3", "~algorithm.new"),
        ("~algorithm.eta", "algorithm.eta=0.5"),
        ("~algorithm.eta", "~algorithm.eta"),
        ("~seed=1",),
        *(
            pytest.param(rarer, marks=pytest.mark.slow)
            for rarer in (
                ("~algorithm.eta",),
                ("~search_space", "search_space.eta.low=0.1"),
                ("~algorithm.new", "algorithm.new=3"),
                ("~algorithm.etta",),
                ("~seed.eta",),
                ("~dataset.columns.LotArea.low", "~dataset.columns.LotArea"),
                ("~seed=0",),
                ("~host",),
                ("~deployment.variants.champion",),
            )
        ),
    ],
)
def test_what_is_deleted_is_deleted_as_hydra_does_it(overrides: tuple[str, ...]) -> None:
    same_as_hydra(overrides)


def same_as_hydra(written: tuple[str, ...]) -> None:
    read, files = read_overrides(written, None, sweep=False)
    try:
        at_once = _composed(read, files)
    except ConfigError as refused:
        with pytest.raises(ConfigError) as again:
            composed_by_hydra(read, files)
        assert str(again.value) == str(refused)
    else:
        found = composed_by_hydra(read, files)
        assert OmegaConf.to_container(found.cfg, resolve=False) == OmegaConf.to_container(at_once.cfg, resolve=False)
        assert found.choices == at_once.choices


PROBE = """
import sys
from pathlib import Path
from housing.config.load import load
print(load(sys.argv[2:], Path(sys.argv[1])).seed, "hydra" in sys.modules)
"""


@pytest.mark.slow
def test_the_next_command_needs_no_hydra_until_something_changes(
    write: Write, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def of_another_process(*overrides: str) -> str:
        command = [sys.executable, "-c", PROBE, str(project), *overrides]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    ours = (conf_dir() / "config.yaml").read_text()
    write("config.yaml", ours.replace("seed: 0", "seed: 3"))
    assert of_another_process() == "3 True"
    assert of_another_process() == "3 False"
    write("config.yaml", ours.replace("seed: 0", "seed: 4"))
    assert of_another_process() == "4 True"
    for kept in (tmp_path / "cache" / "housing" / "composed").iterdir():
        kept.write_text("{")
    assert of_another_process() == "4 True"
    assert of_another_process("seed=5") == "5 False"


@pytest.mark.parametrize("overrides", [(), ("target=rehearsal", "dataset=mine"), ("experiment=walkthrough",)])
def test_what_was_kept_is_what_hydra_composes(
    overrides: tuple[str, ...], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    read, files = read_overrides(overrides, project, sweep=False)
    composed, again = (_Known().get(read, files) for _ in range(2))

    assert len([*(tmp_path / "cache" / "housing" / "composed").iterdir()]) == 1
    assert again == composed
    assert OmegaConf.to_yaml(again.cfg) == OmegaConf.to_yaml(composed.cfg)


def test_a_secret_is_not_kept(write: Write, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    secret = "http://me:hunter2hunter2@server"
    write("experiment/mine.yaml", f"# @package _global_\ntracking:\n  uri: {secret}\n")

    assert load(("experiment=mine",), project).tracking.uri == secret
    assert "hunter2" not in "".join(file.read_text() for file in (tmp_path / "cache").rglob("*.json"))
