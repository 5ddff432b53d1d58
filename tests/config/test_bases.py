"""What Hydra composed is used again as long as nothing that it depends on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.config.load import compose, load
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


def test_a_variable_that_was_changed_is_read_again(
    write: Write, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("experiment/mine.yaml", "# @package _global_\ndefaults:\n  - override /study: ${oc.env:STUDY}\n")
    for study, sampler in (("random", "random"), ("tpe", "tpe")):
        monkeypatch.setenv("STUDY", study)
        assert load(("experiment=mine",), project).study.sampler == sampler


@pytest.mark.parametrize("key", ["algorithm.eta", "dataset.columns.LotArea.low", "study", "algorithm.new", "a.b.c"])
@pytest.mark.parametrize("value", ["0.5", "null", "{a: 1, b: [2, x]}", "[1, 2]", "${seed}"])
def test_it_is_what_hydra_composes_of_all_at_once(key: str, value: str) -> None:
    """A deleted key is composed by Hydra in one go: the same with it and without."""
    written = (f"{key}={value}", "seed=5")
    try:
        at_once = compose((*written, "~tracking.wait_s"))
    except ConfigError as refused:
        with pytest.raises(ConfigError) as again:
            compose(written)
        assert str(again.value) == str(refused)
    else:
        expected = dict(at_once.raw)
        found = {**compose(written).raw, "tracking": expected["tracking"]}
        assert found == expected
