from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from housing.config.files import Files, conf_dir
from housing.config.load import check, compose, config_hash, load
from housing.config.schema import Experiment
from housing.errors import ConfigError
from housing.targets.registry import names
from tests.config.conftest import DATASET, Write


def test_the_walkthrough_has_its_published_hyperparameters() -> None:
    experiment = load(["experiment=walkthrough"])
    assert experiment.algorithm.hyperparameters == {
        "max_depth": 5,
        "eta": 0.5,
        "num_round": 20,
        "early_stopping_rounds": 5,
        "eval_metric": ("mae",),
        "objective": "reg:squarederror",
        **dict.fromkeys(("subsample", "colsample_bytree", "min_child_weight"), 1),
    }
    assert set(experiment.search_space) == {"eta", "max_depth"}
    assert (experiment.study.trials, experiment.study.parallel, experiment.study.objective) == (9, 3, "validation_mae")
    assert set(experiment.deployment.variants) == {"baseline", "champion"}
    assert experiment.published is not None
    assert experiment.published.best_validation_mae.value == 16320.2998046875


def test_the_walkthrough_takes_another_algorithm_at_its_own_point(small: Path) -> None:
    experiment = load(["experiment=walkthrough", "algorithm=lightgbm"], small)
    assert experiment.algorithm.hyperparameters == load(["algorithm=lightgbm"], small).algorithm.hyperparameters
    assert "num_leaves" in experiment.search_space


def test_a_point_has_a_name_and_single_values_stand_above_it(small: Path) -> None:
    experiment = load(["hyperparameters=walkthrough", "algorithm.eta=0.3"], small)
    assert experiment.algorithm.hyperparameters["num_round"] == 20
    assert experiment.algorithm.hyperparameters["eta"] == 0.3
    assert experiment.study.name != "walkthrough"


def test_a_wrong_value_of_a_point_is_told_with_the_point_s_file(project: Path, write: Write) -> None:
    write("hyperparameters/xgboost/deep.yaml", "max_depth: 30\neta: fast\n")
    with pytest.raises(ConfigError, match=r'algorithm.eta = "fast"  \(conf/hyperparameters/xgboost/deep.yaml:2\)'):
        load(["dataset=mine", "hyperparameters=deep"], project)


SPACES = Files.beside(None).groups["search_space"]
POINT_OF = {"best": ["hyperparameters=best"]}


@pytest.mark.parametrize("space", [o for o in SPACES if "walkthrough" not in o and "/" in o])
def test_the_configured_point_lies_in_every_space_that_is_shipped(small: Path, space: str) -> None:
    algorithm, _, name = space.partition("/")
    experiment = load([f"algorithm={algorithm}", f"search_space={space}", *POINT_OF.get(name, ())], small)
    values, ranges = experiment.algorithm.hyperparameters, experiment.search_space
    assert not [name for name in ranges.keys() & values.keys() if values[name] not in ranges[name]]


LEFT_OPEN = {
    "study=grid": ["search_space=grid"],
    "study=zip": ["~search_space"],
    "algorithm=script": ["algorithm.script.source_dir=package:sklearn"],
    "algorithm=container": ["algorithm.container.image=mine:1", "target@runner=sagemaker"],
}
"""What an option cannot say by itself."""


@pytest.mark.slow
def test_every_option_in_conf_composes(small: Path) -> None:
    for group, options in Files.beside(None).groups.items():
        for option in options:
            folder = None if group in ("dataset", "features") or option in ("best", "blend") else small
            slots = [f"target@{slot}" for slot in ("runner", "host") if option in names(slot)] or [group]
            overrides = [f"{slot}={option}" for slot in slots]
            if group in ("search_space", "hyperparameters") and "/" in option:
                overrides.append(f"algorithm={option.partition('/')[0]}")
            load([*overrides, *LEFT_OPEN.get(overrides[0], [])], folder)


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("algorithm.gamma=1", lambda e: e.algorithm.hyperparameters["gamma"] == 1.0),
        ("algorithm.lambda=2", lambda e: e.algorithm.hyperparameters["lambda"] == 2.0),
        ("study.patience=7", lambda e: e.study.patience == 7),
        ("study.name=long", lambda e: e.study.name == "long"),
        ("candidate=abc", lambda e: e.candidate == "abc"),
        ("deployment.variants.champion.instances=2", lambda e: e.deployment.variants["champion"].instances == 2),
        (
            "deployment.variants.champion.autoscaling={max_instances: 3, invocations_per_instance_per_minute: 60}",
            lambda e: e.deployment.variants["champion"].autoscaling.max_instances == 3,
        ),
        (
            "search_space.gamma={type: float, low: 0, high: 5}",
            lambda e: list(e.search_space) == ["max_depth", "subsample", "colsample_bytree", "gamma"],
        ),
        ("~search_space.max_depth", lambda e: list(e.search_space) == ["subsample", "colsample_bytree"]),
        ("~algorithm.early_stopping_rounds", lambda e: "early_stopping_rounds" not in e.algorithm.hyperparameters),
        ("+experiment=walkthrough", lambda e: e.published is not None),
        ("search_space=narrow", lambda e: "subsample" in e.search_space),
        ("search_space=xgboost/wide", lambda e: "lambda" in e.search_space),
        ("target=local", lambda e: e.runner.name == e.host.name == "local"),
    ],
)
def test_what_the_schema_knows_can_be_set_without_being_in_the_files(
    small: Path, override: str, read: Callable[[Experiment], bool]
) -> None:
    assert read(load([override], small))


@pytest.mark.parametrize("digits", ["40401025", "9e142612", "1e5", "007", "0.50", "true", "-3"])
def test_a_name_may_be_typed_in_digits(small: Path, digits: str) -> None:
    experiment = load(
        [f"candidate={digits}", f"study.resume={digits}", f"study.name={digits}", f"host.folder={digits}"], small
    )
    assert (experiment.candidate, experiment.study.resume, experiment.study.name) == (digits, digits, digits)
    assert experiment.host.folder == digits


def test_no_name_is_no_name(small: Path) -> None:
    assert load(["candidate=null"], small).candidate is None


@pytest.mark.parametrize("algorithm", ["xgboost", "lightgbm", "catboost"])
def test_no_patience_is_no_early_stopping(small: Path, algorithm: str) -> None:
    null, left_out = (
        load([f"algorithm={algorithm}", how], small).algorithm
        for how in ("algorithm.early_stopping_rounds=null", "~algorithm.early_stopping_rounds")
    )
    assert null == left_out
    assert "early_stopping_rounds" not in null.hyperparameters


def test_an_option_may_be_called_by_digits(project: Path, write: Write) -> None:
    write("dataset/2024.yaml", DATASET.replace("name: mine", 'name: "2024"'))
    write("dataset/1e5.yaml", DATASET.replace("name: mine", "name: big"))
    assert load(["dataset=2024"], project).dataset.name == "2024"
    assert load(["dataset=1e5"], project).dataset.name == "big"


@pytest.mark.parametrize(
    ("override", "value", "read"),
    [
        ("algorithm.eta=${oc.env:SET}", "0.2", lambda e: e.algorithm.hyperparameters["eta"] == 0.2),
        ("algorithm.num_round=${oc.env:SET}", "30", lambda e: e.algorithm.hyperparameters["num_round"] == 30),
        ("search_space.subsample.low=${oc.env:SET}", "1e-3", lambda e: e.search_space["subsample"].low == 0.001),
        ("search_space.max_depth.log=${oc.env:SET}", "true", lambda e: e.search_space["max_depth"].log is True),
        ("parallel=${oc.env:SET}", "3", lambda e: e.parallel == 3),
        ("name=${oc.env:SET}", "2024", lambda e: e.name == "2024"),
        ("candidate=${oc.env:SET}", "1e5", lambda e: e.candidate == "1e5"),
        ("tracking.uri=${oc.env:SET}", "007", lambda e: e.tracking.uri == "007"),
    ],
)
def test_a_variable_of_the_environment_is_what_is_wanted_there(
    small: Path, monkeypatch: pytest.MonkeyPatch, override: str, value: str, read: Callable[[Experiment], bool]
) -> None:
    monkeypatch.setenv("SET", value)
    assert read(load([override], small))


def test_a_variable_that_is_no_number_is_refused_where_one_is_wanted(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SET", "fast")
    with pytest.raises(ConfigError, match=r'algorithm.eta = "fast"'):
        load(["algorithm.eta=${oc.env:SET}"], small)


def test_a_mapping_is_a_set_of_keys(small: Path) -> None:
    experiment = load(["algorithm={gamma: 1, eta: 0.2}", "search_space={gamma: {type: float, low: 0, high: 1}}"], small)
    values = experiment.algorithm.hyperparameters
    assert (values["gamma"], values["eta"], values["num_round"]) == (1.0, 0.2, 3000)
    assert list(experiment.search_space) == ["max_depth", "subsample", "colsample_bytree", "gamma"]
    assert load(["target@runner={folder: elsewhere}"], small).runner.folder == "elsewhere"


def test_a_broken_file_matters_to_those_who_choose_it(project: Path, write: Write) -> None:
    write("experiment/cut.yaml", "# @package _global_\nseed: [1\n")
    write("experiment/twice.yaml", "# @package _global_\nseed: 1\nseed: 2\n")
    (project / "experiment" / "latin.yaml").write_bytes(b"\xff\xfe: 1\n")
    assert load(["dataset=mine"], project).seed == 0
    for chosen in ("cut", "twice", "latin"):
        with pytest.raises(ConfigError) as raised:
            load([f"experiment={chosen}"], project)
        assert "1 fault in" in str(raised.value)
        assert f"experiment/{chosen}.yaml" in str(raised.value)
    write("experiment/other.yaml", "# @package _global_\ndefaults: [{override /study: treee}]\n")
    with pytest.raises(ConfigError) as raised:
        load(["experiment=other"], project)
    assert "1 fault in" in str(raised.value)


def test_equal_experiments_have_equal_hashes_however_they_were_written(small: Path) -> None:
    one = load(["algorithm.eta=1", "algorithm.gamma=2", "tracking.uri=sqlite:///one.db"], small)
    other = load(["algorithm.gamma=2.0", "algorithm.eta=1.0", "tracking.uri=sqlite:///other.db"], small)
    assert config_hash(one) == config_hash(other)
    assert config_hash(one) != config_hash(load(["algorithm.eta=1", "algorithm.gamma=3"], small))


def test_the_order_of_columns_is_a_part_of_the_experiment(project: Path, write: Write) -> None:
    before = config_hash(load(["dataset=mine"], project))
    area, zone = "  area: {kind: numeric, low: 0}\n", "  zone: {kind: nominal}\n"
    write("dataset/mine.yaml", DATASET.replace(zone, "").replace(area, zone + area))
    assert config_hash(load(["dataset=mine"], project)) != before


def test_an_experiment_is_frozen_and_can_be_pickled(small: Path) -> None:
    experiment = load([], small)
    assert pickle.loads(pickle.dumps(experiment)) == experiment
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.seed = 1  # type: ignore[misc]


def test_the_environment_says_where_the_record_is(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@localhost:5000")
    composed = compose([], small)
    assert check(composed).tracking.uri == "http://user:secret@localhost:5000"
    assert "secret" not in composed.yaml


def test_a_users_dataset_stands_beside_ours(project: Path) -> None:
    assert load(["dataset=mine"], project).dataset.label == "price"
    assert load([], project).dataset.name == "housing"


def test_a_users_file_wins_over_ours_of_the_same_name(project: Path, write: Write) -> None:
    write("dataset/ames.yaml", DATASET.replace("name: mine", "name: theirs"))
    write("study/quick.yaml", "name: theirs\nsampler: random\ntrials: 2\n")
    experiment = load([], project)
    assert (experiment.dataset.name, experiment.study.name) == ("theirs", "theirs")


def test_a_folder_may_have_a_name_that_hydra_would_have_to_quote(project: Path) -> None:
    odd = project.parent / "it's a [conf], really=yes"
    project.rename(odd)
    assert load(["dataset=mine"], odd).dataset.name == "mine"


def test_a_users_config_may_be_the_checkouts_own() -> None:
    assert load([], conf_dir()) == load()


def test_composing_changes_nothing_in_the_working_folder(project: Path) -> None:
    before = sorted(project.parent.rglob("*"))
    load(["dataset=mine"], project)
    assert sorted(project.parent.rglob("*")) == before


@pytest.mark.parametrize("what", ["absent", "file"])
def test_a_config_dir_must_be_a_folder(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "conf"
    if what == "file":
        folder.write_text("")
    with pytest.raises(ConfigError, match=r"--config-dir .*conf: "):
        load([], folder)


@pytest.mark.parametrize("override", ["search_space=null", "dataset=null"])
def test_a_group_that_is_given_nothing_is_told_how_to_go_without(override: str) -> None:
    with pytest.raises(ConfigError, match=r"takes the name of an option; to go without one, write ~ and the group"):
        load([override])
    assert load(["~search_space"]).search_space == {}
