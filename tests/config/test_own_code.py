"""An algorithm of the user's: a script or an image, and the hyperparameters that its file declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.algorithms.own_code import Image, Program
from housing.archives import unpack
from housing.config.load import compose, config_hash, load
from housing.config.sweep import Sweep
from housing.errors import ConfigError
from tests.config.conftest import Write

MINE = """\
defaults: [script]
name: mine
script: {source_dir: code, entry_point: fit.py}
hyperparameters:
  depth: {kind: int, low: 1, high: 9, default: 3}
  loss: {kind: text, choices: [l1, l2]}
  seed: {kind: int, tunable: false}
"""
SPACE = "depth: {type: int, low: 2, high: 8}\n"


@pytest.fixture
def code(project: Path, write: Write) -> Path:
    """The folder of a script that algorithm=mine names."""
    write("algorithm/mine.yaml", MINE)
    folder = project.parent / "code"
    folder.mkdir()
    (folder / "fit.py").write_text("print('train-mae: 1')\n")
    return folder


def refusal(project: Path, *overrides: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load(["dataset=mine", "algorithm=mine", *overrides], project)
    return str(raised.value)


def test_a_script_with_its_declared_hyperparameters(project: Path, code: Path) -> None:
    algorithm = load(["dataset=mine", "algorithm=mine", "algorithm.loss=l1"], project).algorithm
    assert (algorithm.name, algorithm.kind, algorithm.rounds) == ("mine", "script", None)
    assert algorithm.hyperparameters == {"depth": 3, "loss": "l1"}
    assert isinstance(algorithm.code, Program)
    unpack(algorithm.code.archive, project / "unpacked")
    assert [file.name for file in (project / "unpacked").iterdir()] == ["fit.py"]


def test_training_needs_no_search_space_and_one_of_its_own_is_the_default(
    project: Path, code: Path, write: Write
) -> None:
    assert load(["dataset=mine", "algorithm=mine"], project).search_space == {}
    write("search_space/mine/quick.yaml", SPACE)
    assert list(load(["dataset=mine", "algorithm=mine"], project).search_space) == ["depth"]


def test_a_range_on_the_command_line_is_enough_to_search(project: Path, code: Path) -> None:
    overrides = ["dataset=mine", "algorithm=mine", "algorithm.depth=interval(2,8)"]
    assert load(overrides, project, search=True).search_space["depth"].type == "int"


def test_the_code_is_a_part_of_the_experiment(project: Path, code: Path) -> None:
    before = config_hash(load(["dataset=mine", "algorithm=mine"], project))
    (code / ".cache").write_text("hidden")
    assert config_hash(load(["dataset=mine", "algorithm=mine"], project)) == before
    (code / "fit.py").write_text("print('train-mae: 2')\n")
    assert config_hash(load(["dataset=mine", "algorithm=mine"], project)) != before


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["algorithm.dpeth=3"],
            ["algorithm.dpeth = 3", "mine has no such hyperparameter; did you mean algorithm.depth"],
        ),
        (["algorithm.depth=12"], ["must be a whole number in [1, 9]"]),
        (["algorithm.loss=l3"], ["must be one of l1, l2"]),
        (["algorithm.hyperparameters.depth.default=0"], ["hyperparameters.depth.default = 0", "in [1, 9]"]),
        (["algorithm.hyperparameters.depth.lo=0"], ["did you mean algorithm.hyperparameters.depth.low?"]),
        (["algorithm.hyperparameters.script={kind: int}"], ["needs another name"]),
        (["algorithm.script.source_dir=cod"], ['source_dir = "cod"', "no such folder", "relative to the working"]),
        (["algorithm.script.source_dir=package:skleran"], ["no such folder; housing ships sklearn"]),
        (["algorithm.script.entry_point=fti.py"], ["no such file in code; did you mean fit.py?"]),
        (["algorithm.script.requirements=requirements.txt"], ["requirements", "no such file in code"]),
        (["algorithm.script.entrypoint=fit.py"], ["did you mean algorithm.script.entry_point?"]),
        (
            ["algorithm.script.metrics={mae: 'x'}"],
            ["metrics.mae", "must be named train_<metric> or validation_<metric>"],
        ),
        (["algorithm.script.metrics.train_mae=mae"], ["must have the number in brackets"]),
        (["algorithm.script.metrics.train_mae='(mae'"], ["must be a regular expression"]),
        (["algorithm.script.rounds=dept"], ["rounds", "must be a declared hyperparameter", "did you mean depth?"]),
        (["algorithm.script.timeout_s=0"], ["algorithm.script.timeout_s", "must be more than 0"]),
        (["study.objective=validation_rmse"], ["mine does not print it", "algorithm.script.metrics"]),
        (["search_space.loss={type: int, low: 1, high: 2}"], ["search_space.loss.type", "must be categorical"]),
        (["search_space.seed={type: int, low: 1, high: 2}"], ["cannot be tuned", "set algorithm.seed instead"]),
        (["search_space=wide"], ["there is no search_space/mine/wide.yaml"]),
        (["algorithm.name=xgboost"], ["must be a name that no built-in algorithm has"]),
        (["+algorithm.container={image: x, metrics: {}}"], ["has a script and a container"]),
    ],
)
def test_one_mistake_each(project: Path, code: Path, overrides: list[str], told: list[str]) -> None:
    message = refusal(project, *overrides)
    assert [part for part in told if part not in message] == [], message


def test_a_script_that_is_no_python_is_told_with_the_line(project: Path, code: Path) -> None:
    (code / "fit.py").write_text("import os\nprint('train-mae: 1'\n")
    assert "is not valid Python, line 2" in refusal(project)


def test_a_folder_that_is_too_large_is_told(project: Path, code: Path) -> None:
    with (code / "data.bin").open("wb") as file:
        file.truncate(30_000_000)
    assert "holds 30 MB, and goes with every job" in refusal(project)


def test_an_image_needs_a_place_that_runs_images(small: Path) -> None:
    image = ["algorithm=container", "algorithm.container.image=mine:1"]
    for runner in ("local", "ray", "rehearsal"):
        with pytest.raises(ConfigError, match=rf"target {runner} has none.*target@runner=sagemaker"):
            load([*image, f"target@runner={runner}"], small)
    algorithm = load([*image, "target@runner=sagemaker"], small).algorithm
    assert isinstance(algorithm.code, Image)
    assert algorithm.kind == "container"


def test_an_algorithm_that_is_not_there_says_how_to_bring_one(small: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"no such algorithm; available: catboost, forest, kernel, lightgbm, linear, xgboost, and whatever",
    ):
        load(["algorithm.name=neighbours"], small)


def test_algorithms_can_be_swept_each_with_its_own_space(small: Path) -> None:
    assert Sweep(["algorithm=xgboost,sklearn"], small).first().raw["algorithm"]["name"] == "xgboost"


def test_our_example_composes_for_a_study(small: Path) -> None:
    composed = compose(["algorithm=sklearn"], small, search=True)
    assert set(composed.raw["search_space"]) == {"alpha", "log_label"}
