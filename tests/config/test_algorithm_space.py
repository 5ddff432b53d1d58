"""A search among algorithms, composed and checked at the door."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.api.invocation import recomposed
from housing.config.load import load
from housing.config.sweep import Sweep
from housing.errors import ConfigError
from housing.tuning.space import Categorical, Condition, Float, Int
from tests.config.conftest import DATASET, Write


def test_ranges_hold_where_their_algorithm_is_chosen() -> None:
    space = load(["search_space=algorithms"]).search_space
    assert isinstance(space["algorithm"], Categorical)
    assert space["linear.alpha"] == Float(1e-5, 10, log=True, only_if=Condition("algorithm", ("linear",)))
    assert {name.partition(".")[0] for name in space} == set(space["algorithm"].choices) | {"algorithm"}


def test_a_condition_of_a_range_is_on_the_same_algorithm() -> None:
    dart = "{rate_drop: {type: float, low: 0, high: 1, only_if: {parameter: booster, is_in: [dart]}}}"
    booster = "search_space.xgboost.booster={type: categorical, choices: [gbtree, dart]}"
    space = load(["search_space=algorithms", booster, f"search_space.xgboost={dart}"]).search_space
    assert space["xgboost.rate_drop"].only_if == Condition("xgboost.booster", ("dart",))


def test_ranges_of_no_algorithm_belong_to_the_configured_one(small: Path) -> None:
    words = [
        "algorithm=choice(xgboost,linear)",
        "algorithm.max_depth=interval(2,4)",
        "search_space.linear.alpha=interval(0.1,1)",
    ]
    space = load(words, small, search=True).search_space
    assert space["xgboost.max_depth"] == Int(2, 4, only_if=Condition("algorithm", ("xgboost",)))
    assert space["linear.alpha"] == Float(0.1, 1, only_if=Condition("algorithm", ("linear",)))


def test_algorithms_that_cannot_answer_the_task_are_left_out(project: Path, write: Write) -> None:
    write("dataset/mine.yaml", DATASET + "task: quantile\nquantiles: [0.5]\n")
    space = load(["dataset=mine", "search_space=algorithms"], project).search_space
    assert isinstance(space["algorithm"], Categorical)
    assert space["algorithm"].choices == ("xgboost", "lightgbm")
    assert not any(name.startswith("linear.") for name in space)


def test_algorithms_whose_models_predict_fewer_quantiles_are_left_out(project: Path, write: Write) -> None:
    write("dataset/mine.yaml", DATASET + "task: quantile\nquantiles: [0.1, 0.5, 0.9]\n")
    space = load(["dataset=mine", "search_space=algorithms"], project).search_space
    assert isinstance(space["algorithm"], Categorical)
    assert space["algorithm"].choices == ("xgboost",)


def test_a_shorter_list_of_choices_takes_the_other_ranges_away(small: Path) -> None:
    space = load(["search_space=algorithms", "search_space.algorithm.choices=[linear,xgboost]"], small).search_space
    assert {name.partition(".")[0] for name in space} == {"algorithm", "linear", "xgboost"}


def test_what_is_typed_of_the_configured_algorithm_is_not_said_of_another(small: Path) -> None:
    _, invocation = recomposed("tune", ["search_space=algorithms", "algorithm.eta=0.2"], small)
    assert invocation.alternative({"algorithm": "xgboost"}).algorithm.hyperparameters["eta"] == 0.2
    assert invocation.alternative({"algorithm": "linear"}).algorithm.hyperparameters["l1_ratio"] == 0


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("search_space.linear.alhpa={type: float, low: 0.1, high: 1}", "search_space.linear.alpha"),
        ("search_space.lienar.alpha={type: float, low: 0.1, high: 1}", "did you mean search_space.linear?"),
        ("search_space.linear.l1_ratio.low=-1", "search_space.linear.l1_ratio.low = -1"),
        ("search_space.linear.l1_ratio.typ=float", "search_space.linear.l1_ratio"),
        ("search_space.algorithm.choices=[xgboost,linaer]", "did you mean linear?"),
        ("search_space.algorithm.type=float", "search_space.algorithm"),
    ],
)
def test_mistakes_are_told_by_their_place(small: Path, override: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        recomposed("tune", ["search_space=algorithms", override], small)
    assert told in str(raised.value)


def test_a_file_is_called_as_its_algorithm_is(project: Path, write: Write) -> None:
    write("algorithm/deep.yaml", "defaults: [xgboost]\nmax_depth: 9\n")
    with pytest.raises(ConfigError, match=r"the file of deep has algorithm\.name xgboost"):
        recomposed("tune", ["dataset=mine", "algorithm=choice(xgboost,deep)"], project)


def test_a_short_name_is_that_of_each_job_s_algorithm(small: Path) -> None:
    sweep = Sweep(["algorithm=xgboost,lightgbm", "search_space=wide"], small)
    shown = sweep.shown()
    assert shown.count("  min_data_in_leaf:\n") == 1
    assert shown.count("  min_child_weight:\n") == 1
    with pytest.raises(ConfigError, match=r"there is no search_space/linear/wide\.yaml"):
        Sweep(["algorithm=xgboost,linear", "search_space=wide"], small).first()
