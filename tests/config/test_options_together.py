"""Every search space with every study: composed and checked, or refused with the way out."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from housing.config.files import Files
from housing.config.load import load
from housing.errors import ConfigError

OPTIONS = Files.beside(None).groups
LISTABLE = ("xgboost/grid",)
BY_ROUND = ("amt", "hyperband", "median")


@pytest.mark.parametrize("study", OPTIONS["study"])
def test_a_study_takes_every_search_space_that_its_sampler_can_use(small: Path, study: str) -> None:
    for space in OPTIONS["search_space"]:
        overrides = [f"study={study}", *_with_its_algorithm(space)]
        if study in ("grid", "zip") and space not in LISTABLE:
            with pytest.raises(ConfigError, match="needs a `step` or a list of `choices`"):
                load(overrides, small)
        elif study == "zip":
            with pytest.raises(ConfigError, match="zip takes the first values together"):
                load(overrides, small)
        elif study in BY_ROUND and space.startswith(("linear/", "forest/")):
            with pytest.raises(ConfigError, match=r" measures the finished model only[\s\S]*study.pruner=none"):
                load(overrides, small)
        else:
            assert load(overrides, small).search_space


@pytest.mark.parametrize(("features", "space"), list(product(OPTIONS["features"], OPTIONS["search_space"])))
def test_features_and_search_spaces_go_together(features: str, space: str) -> None:
    assert load([f"features={features}", *_with_its_algorithm(space)]).features.name == features


def _with_its_algorithm(space: str) -> list[str]:
    """A space in no algorithm's folder chooses among algorithms."""
    algorithm, slash, _ = space.partition("/")
    return [*([f"algorithm={algorithm}"] if slash else []), f"search_space={space}"]
