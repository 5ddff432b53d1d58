"""What features ask of algorithms and targets beside numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from housing.config.load import load
from housing.errors import ConfigError

ON_DISK = "dataset.storage=disk"
NATIVE, RISING = "features.nominal=native", "features.monotone.GrLivArea=increasing"


@pytest.mark.parametrize("algorithm", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.parametrize("target", ["local", "ray"])
def test_algorithms_that_declare_it_are_given_levels_and_directions(algorithm: str, target: str) -> None:
    features = load([f"algorithm={algorithm}", f"target@runner={target}", NATIVE, RISING]).features
    assert (features.nominal, features.monotone) == ("native", {"GrLivArea": "increasing"})


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["algorithm=linear", NATIVE],
            "linear takes no levels as such",
        ),
        (["algorithm=forest", RISING], "forest takes no columns with which answers only rise or fall"),
        (["algorithm=sklearn", NATIVE], "takes no levels as such"),
        (["algorithm.tree_method=exact", NATIVE], "takes no levels as such with tree_method exact"),
        (["algorithm.objective=reg:absoluteerror", RISING], "only rise or fall with objective reg:absoluteerror"),
        (
            ["search_space.tree_method={type: categorical, choices: [hist, exact]}", NATIVE],
            "with tree_method exact, which is searched",
        ),
        (["target=rehearsal", NATIVE], "where xgboost trains at target rehearsal, it is not given levels as such"),
        (["target=sagemaker", "algorithm=lightgbm", RISING], "where lightgbm trains at target sagemaker"),
        (["algorithm=lightgbm", ON_DISK], "lightgbm takes no rows from disk, a batch after the other"),
        (["algorithm.tree_method=exact", ON_DISK], "a batch after the other with tree_method exact"),
        (["target=rehearsal", ON_DISK], "at target rehearsal, it is sent all rows at once"),
        (["dataset.duplicates=dropped", ON_DISK], "dropped compares every row with all others"),
        (["algorithm.bag=3", ON_DISK], "each of the 3 models of a bag takes different training rows"),
        (["features.columns.Street={nominal: native}", "algorithm=linear"], "features.columns.Street.nominal"),
        (
            ["features.monotone.Street=increasing"],
            'features.monotone.Street = "increasing" (command line) is nominal, which has no order',
        ),
        (["features.monotone.ExterQual=increasing"], "say features.ordinal=rank"),
        (["features.monotone.GrLivArea=up"], "features.monotone.GrLivArea"),
        (["dataset=penguins", "features.monotone.year=increasing"], "there is no single answer that could rise"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_way_out(overrides: Sequence[str], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(overrides)
    assert told in " ".join(str(refused.value).split())


def test_directions_are_kept_by_sagemaker_s_own_xgboost() -> None:
    assert load(["target=rehearsal", RISING]).features.monotone == {"GrLivArea": "increasing"}


def test_a_search_among_algorithms_leaves_out_those_that_take_no_levels() -> None:
    space = load(["search_space=algorithms", NATIVE]).search_space
    assert set(space["algorithm"].choices) == {"xgboost", "lightgbm", "catboost"}  # type: ignore[union-attr]


@pytest.mark.parametrize("override", ["algorithm=lightgbm", "target=rehearsal", "algorithm.bag=3"])
def test_storage_by_size_is_memory_where_rows_cannot_stay_on_disk(override: str) -> None:
    assert load([]).dataset.storage == "auto"
    assert load([override]).dataset.storage == "memory"
