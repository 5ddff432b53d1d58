from __future__ import annotations

from pathlib import Path

import pytest

from housing.config import sweep
from housing.config.compose import Composed
from housing.config.load import check
from housing.errors import ConfigError


def eta_and_depth(composed: Composed, overrides: tuple[str, ...]) -> tuple[float, int, tuple[str, ...]]:
    """A job that trains nothing."""
    values = check(composed).algorithm.hyperparameters
    return values["eta"], values["max_depth"], overrides


def test_hydra_runs_a_job_for_every_combination(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = ["algorithm.eta=0.1,0.3", "algorithm.max_depth=range(4,6)", "seed=3"]
    assert sweep.run(overrides, small, eta_and_depth) == [
        (0.1, 4, ("algorithm.eta=0.1", "algorithm.max_depth=4", "seed=3")),
        (0.1, 5, ("algorithm.eta=0.1", "algorithm.max_depth=5", "seed=3")),
        (0.3, 4, ("algorithm.eta=0.3", "algorithm.max_depth=4", "seed=3")),
        (0.3, 5, ("algorithm.eta=0.3", "algorithm.max_depth=5", "seed=3")),
    ]
    assert list(tmp_path.iterdir()) == []


def test_options_are_swept_too_by_their_short_names(small: Path) -> None:
    def spaces(composed: Composed, overrides: tuple[str, ...]) -> list[str]:
        return sorted(check(composed).search_space)

    first, second = sweep.run(["search_space=walkthrough,narrow"], small, spaces)
    assert first == ["eta", "max_depth"]
    assert "subsample" in second


def test_a_users_dataset_can_be_swept(project: Path) -> None:
    def label(composed: Composed, overrides: tuple[str, ...]) -> str:
        return check(composed).dataset.label

    assert sweep.run(["dataset=ames,mine"], project, label) == ["SalePrice", "price"]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["algorithm.maxdepth=4,5"], "did you mean algorithm.max_depth?"),
        (["algorithm.eta=0.1,7"], "algorithm.eta = 7"),
        (["dataset=ames,mien"], "no such option"),
        (["search_space=walkthrough,narow"], "did you mean narrow?"),
        (["algorithm.eta=interval(0.1,0.5)"], "only lists, choices and ranges"),
        (["study.trials=[1"], "left open"),
        (["algorithm.eta=0.1,0.2", "sed=4"], "did you mean seed?"),
    ],
)
def test_every_value_is_checked_before_anything_runs(small: Path, overrides: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        sweep.first(overrides, small)
    assert told in str(raised.value)


def test_the_first_job_speaks_for_the_sweep(small: Path) -> None:
    first = check(sweep.first(["algorithm.eta=0.1,0.3", "algorithm.gamma=1"], small))
    assert first.algorithm.hyperparameters["eta"] == 0.1
