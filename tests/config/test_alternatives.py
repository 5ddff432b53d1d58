"""What a search space may choose among configuration groups, composed at the door."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.config.alternatives import Alternatives
from housing.config.load import check, compose
from housing.errors import ConfigError
from tests.config.conftest import DATASET, Write

CHOOSING = "search_space.{0}={{type: categorical, choices: [{1}]}}"


def alternatives(*overrides: str, folder: Path | None = None) -> Alternatives:
    composed = compose(overrides, folder)
    return Alternatives(composed, check(composed))


def test_an_alternative_differs_in_its_options_alone() -> None:
    overrides = (CHOOSING.format("features", "plain,domain"), "features.ordinal=rank", "features=plain")
    known = alternatives(*overrides)
    plain, domain = known({"features": "plain"}), known({"features": "domain"})
    assert (plain.features.name, domain.features.name) == ("plain", "domain")
    assert plain.features.ordinal == domain.features.ordinal == "rank"
    assert domain.search_space == plain.search_space
    assert known({}) is not None and known({}).features == plain.features


def test_a_dataset_of_the_same_label_keeps_the_experiments_own_names(project: Path, write: Write) -> None:
    write("dataset/other.yaml", DATASET.replace("mine", "other"))
    known = alternatives("dataset=mine", CHOOSING.format("dataset", "mine,other"), folder=project)
    chosen = known({"dataset": "other"})
    assert (chosen.dataset.name, chosen.name, chosen.tracking.model) == ("other", "mine", "mine")


def test_the_hash_of_an_experiment_covers_what_it_may_choose(project: Path, write: Write) -> None:
    write("dataset/other.yaml", DATASET.replace("mine", "other"))
    overrides = ("dataset=mine", CHOOSING.format("dataset", "mine,other"))
    before = alternatives(*overrides, folder=project).config_hash
    assert before == alternatives(*overrides, folder=project).config_hash
    write("dataset/other.yaml", DATASET.replace("mine", "other").replace("low: 1", "low: 2"))
    assert before != alternatives(*overrides, folder=project).config_hash


def test_datasets_of_different_labels_are_not_compared(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"predicts SalePrice in USD, .* one study for each"):
        alternatives("dataset=mine", CHOOSING.format("dataset", "mine,ames"), folder=project)


def test_a_choice_that_does_not_fit_is_told_with_its_own_faults(project: Path) -> None:
    with pytest.raises(ConfigError, match="with features=domain, which the search space may choose") as raised:
        alternatives("dataset=mine", CHOOSING.format("features", "plain,domain"), folder=project)
    assert "features.derived.TotalSF" in str(raised.value)


def test_points_to_begin_with_are_checked_against_the_whole_space() -> None:
    # With levels in groups there is no linear model, so the space of that option alone lacks the second point.
    points = "[{algorithm: xgboost, features: domain_native}, {algorithm: linear, linear.alpha: 0.2}]"
    known = alternatives("experiment=blend", f"study.start_from={points}", "study.configured_first=false")
    chosen = known({"algorithm": "xgboost", "features": "domain_native"})
    assert len(chosen.study.start_from) == 2
    with pytest.raises(ConfigError, match=r"study.start_from.0.linear.alpha"):
        alternatives("experiment=blend", "study.start_from=[{algorithm: linear, linear.alpha: 20}]")


def test_datasets_of_different_quantiles_are_not_compared(project: Path, write: Write) -> None:
    asked = DATASET + "task: quantile\nquantiles: [0.1, 0.9]\n"
    write("dataset/mine.yaml", asked)
    write("dataset/other.yaml", asked.replace("mine", "other").replace("[0.1, 0.9]", "[0.5]"))
    with pytest.raises(ConfigError, match=r"dataset=other asks for the quantiles \[0.5\], mine for \[0.1, 0.9\]"):
        alternatives("dataset=mine", CHOOSING.format("dataset", "mine,other"), folder=project)
