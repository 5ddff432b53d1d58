"""Every search space with every study: composed and checked, or refused with the way out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from housing.config.files import Files
from housing.config.load import Composed, check, compose, load
from housing.errors import ConfigError

OPTIONS = Files.beside(None).groups
LISTABLE = ("xgboost/grid",)
BY_ROUND = ("amt", "hyperband", "median")
AUTOMATIC = "auto"
"""Its columns follow from the algorithm, so that it is composed with each."""

REFUSED = {
    "domain_native": "takes no levels as such; say one_hot or target instead",
    "domain_trees": "columns with which answers only rise or fall",
}


def with_its_algorithm(space: str) -> list[str]:
    """A space in no algorithm's folder chooses among algorithms."""
    algorithm, slash, _ = space.partition("/")
    return [*([f"algorithm={algorithm}"] if slash else []), f"search_space={space}"]


OF_EACH_ALGORITHM = {space.partition("/")[0]: space for space in OPTIONS["search_space"]}


@pytest.fixture(scope="module")
def composed(small: Path) -> dict[str, Composed]:
    """Each space once: Hydra writes a study beside it and looks at neither, so that values may be put together here."""
    return {space: compose(with_its_algorithm(space), small) for space in OPTIONS["search_space"]}


@pytest.mark.parametrize("study", OPTIONS["study"])
def test_a_study_takes_every_search_space_that_its_sampler_can_use(
    small: Path, composed: dict[str, Composed], study: str
) -> None:
    values = compose([f"study={study}"], small).raw["study"]
    for space, beside in composed.items():
        together = replace(beside, raw={**beside.raw, "study": values})
        if study in ("grid", "zip") and space not in LISTABLE:
            with pytest.raises(ConfigError, match="needs a `step` or a list of `choices`"):
                check(together)
        elif study == "zip":
            with pytest.raises(ConfigError, match="zip takes the first values together"):
                check(together)
        elif study in BY_ROUND and space.startswith(("linear/", "kernel/", "forest/")):
            with pytest.raises(ConfigError, match=r" measures the finished model only[\s\S]*study.pruner=none"):
                check(together)
        else:
            assert check(together).search_space


@pytest.fixture(scope="module")
def described() -> dict[str, Composed]:
    """One space of each algorithm, for the table whose description every option of features knows."""
    return {space: compose(with_its_algorithm(space)) for space in OF_EACH_ALGORITHM.values()}


@pytest.mark.parametrize("features", sorted({*OPTIONS["features"]} - {AUTOMATIC}))
def test_features_go_with_every_algorithm_that_can_use_them(described: dict[str, Composed], features: str) -> None:
    values = compose([f"features={features}"]).raw["features"]
    for space, beside in described.items():
        together = replace(beside, raw={**beside.raw, "features": values})
        if features in REFUSED and space.startswith(("linear/", "kernel/", "forest/", "sklearn/")):
            with pytest.raises(ConfigError, match=REFUSED[features]):
                check(together)
        else:
            assert check(together).features.name == features


@pytest.mark.parametrize("space", OF_EACH_ALGORITHM.values())
def test_automatic_features_are_such_as_the_algorithm_can_use(space: str) -> None:
    assert load([f"features={AUTOMATIC}", *with_its_algorithm(space)]).features.name == AUTOMATIC
