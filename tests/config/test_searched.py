"""Hydra's sweep syntax without -m: entries of a study's search space."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.config.load import compose, load
from housing.errors import ConfigError
from housing.tuning.space import Categorical, Distribution, Float, Int


@pytest.mark.parametrize(
    ("override", "name", "entry"),
    [
        ("algorithm.eta=interval(0.01,0.3)", "eta", Float(0.01, 0.3)),
        ("algorithm.eta=tag(log, interval(0.01,0.3))", "eta", Float(0.01, 0.3, log=True)),
        ("search_space.eta=interval(0.01,0.3)", "eta", Float(0.01, 0.3)),
        ("algorithm.subsample=interval(0.5,1)", "subsample", Float(0.5, 1)),
        ("algorithm.max_depth=interval(2,6)", "max_depth", Int(2, 6)),
        ("algorithm.max_depth=range(3,9)", "max_depth", Int(3, 8)),
        ("algorithm.eta=range(0.1,0.5,0.1)", "eta", Float(0.1, 0.4, step=0.1)),
        ("algorithm.booster=choice(gbtree,dart)", "booster", Categorical(("gbtree", "dart"))),
        ("features=choice(plain,domain)", "features", Categorical(("plain", "domain"))),
    ],
)
def test_a_range_of_values_is_an_entry_of_the_search_space(override: str, name: str, entry: Distribution) -> None:
    assert load([override], search=True).search_space[name] == entry


def test_an_entry_is_replaced_whole_and_the_others_stay(small: Path) -> None:
    space = load(["search_space=narrow", "algorithm.eta=choice(0.1,0.2)"], small, search=True).search_space
    assert space["eta"] == Categorical((0.1, 0.2))
    assert set(space) == set(load(["search_space=narrow"], small).search_space)


def test_the_shown_configuration_has_the_entry(small: Path) -> None:
    assert "high: 0.3" in compose(["algorithm.gamma=interval(0.1,0.3)"], small, search=True).yaml


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("algorithm.eta=interval(0.3,0.1)", ["algorithm.eta=interval(0.3,0.1)", "low must not exceed high"]),
        ("algorithm.eta=interval(0.1,7)", ["search_space.eta.high = 7", "[0, 1]", "command line"]),
        ("algorithm.eta=interval(0.1,x)", ["interval(0.1,x) makes no sense", "write choice(a,b)"]),
        ("algorithm.eta=tag(log, interval(0,1))", ["log scale needs low > 0"]),
        ("algorithm.eta=tag(log, range(1,4))", ["only an interval has a log scale"]),
        ("algorithm.eta=tag(lgo, interval(0.1,1))", ["no tag 'lgo'"]),
        ("algorithm.max_depth=interval(2.5,6)", ["must be int"]),
        ("algorithm.etta=interval(0.1,0.2)", ["no such hyperparameter", "did you mean search_space.eta?"]),
        ("algorithm.booster=choice(gbtree,drat)", ["did you mean dart?"]),
        ("algorithm.eta=glob(*)", ["a study takes choice(a,b)"]),
        ("algorithm.eta=0.1,0.2", ["'algorithm.eta=choice(0.1,0.2)'", "add -m"]),
        ("study.trials=choice(1,2)", ["cannot be searched", "add -m"]),
        ("features=choice(plain,domian)", ["no such option", "did you mean domain?"]),
        ("features=interval(1,2)", ["must be categorical"]),
        ("search_space.feature={type: categorical, choices: [plain]}", ["did you mean search_space.features?"]),
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_way_out(small: Path, override: str, told: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        load([override], small, search=True)
    for text in told:
        assert text in str(raised.value)


def test_a_command_without_a_study_says_which_one_has_one(small: Path) -> None:
    with pytest.raises(ConfigError, match="`housing tune` searches it"):
        load(["algorithm.eta=interval(0.1,0.2)"], small)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("study.objective=[validation_mae,training_second]", "did you mean training_seconds?"),
        ("study.objective=training_seconds", "write [validation_mae,training_seconds]"),
        ("study.objective=[best_round,validation_mae]", "comes after a metric"),
    ],
)
def test_objectives_are_metrics_and_then_costs(small: Path, override: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load([override], small)
    assert told in str(raised.value)
