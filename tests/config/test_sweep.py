from __future__ import annotations

import threading
from pathlib import Path

import pytest

from housing.config.compose import Composed
from housing.config.load import check
from housing.config.sweep import Sweep
from housing.errors import ConfigError


def eta_and_depth(composed: Composed, overrides: tuple[str, ...]) -> tuple[float, int, tuple[str, ...]]:
    """A job that trains nothing."""
    values = check(composed).algorithm.hyperparameters
    return values["eta"], values["max_depth"], overrides


def test_hydra_runs_a_job_for_every_combination(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    overrides = ["algorithm.eta=0.1,0.3", "algorithm.max_depth=range(4,6)", "seed=3"]
    assert Sweep(overrides, small).run(eta_and_depth) == [
        (0.1, 4, ("algorithm.eta=0.1", "algorithm.max_depth=4", "seed=3")),
        (0.1, 5, ("algorithm.eta=0.1", "algorithm.max_depth=5", "seed=3")),
        (0.3, 4, ("algorithm.eta=0.3", "algorithm.max_depth=4", "seed=3")),
        (0.3, 5, ("algorithm.eta=0.3", "algorithm.max_depth=5", "seed=3")),
    ]
    assert list(tmp_path.iterdir()) == []


def test_options_are_swept_too_by_their_short_names(small: Path) -> None:
    def spaces(composed: Composed, overrides: tuple[str, ...]) -> list[str]:
        return sorted(check(composed).search_space)

    first, second = Sweep(["search_space=walkthrough,narrow"], small).run(spaces)
    assert first == ["eta", "max_depth"]
    assert "subsample" in second


def test_a_users_dataset_can_be_swept(project: Path) -> None:
    def label(composed: Composed, overrides: tuple[str, ...]) -> str:
        return check(composed).dataset.label

    assert Sweep(["dataset=ames,mine"], project).run(label) == ["SalePrice", "price"]


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
        Sweep(overrides, small).first()
    assert told in str(raised.value)


def test_the_first_job_speaks_for_the_sweep(small: Path) -> None:
    first = check(Sweep(["algorithm.eta=0.1,0.3", "algorithm.gamma=1"], small).first())
    assert first.algorithm.hyperparameters["eta"] == 0.1


@pytest.mark.parametrize(
    "overrides",
    [
        ["features=plain,domain", "algorithm.eta=0.1,0.3", "search_space=narrow"],
        ["algorithm.eta=0.1,0.3", "~search_space.eta"],
        ["name=a,'b c'", "algorithm.eval_metric=[rmse,mae],[mae]", "study.parallel=2"],
    ],
)
def test_jobs_are_composed_as_hydra_composes_them(small: Path, overrides: list[str]) -> None:
    def everything(composed: Composed, overrides: tuple[str, ...]) -> tuple[object, ...]:
        return composed.raw, composed.yaml, composed.chosen

    sweep = Sweep(overrides, small)
    assert sweep.run(everything) == sweep.run_by_plugin(everything)


def test_jobs_keep_their_order_beside_each_other(small: Path) -> None:
    here = Sweep(["algorithm.eta=0.1,0.2,0.3", "algorithm.max_depth=3,4"], small)
    assert here.run(eta_and_depth, parallel=3) == here.run(eta_and_depth)


def test_what_is_chosen_of_hydra_runs_the_jobs(small: Path) -> None:
    assert Sweep(["seed=1,2"], small).runs_here
    assert not Sweep(
        ["seed=1,2", "+hydra.callbacks.told._target_=hydra.experimental.callback.Callback"], small
    ).runs_here


def test_an_interruption_stops_what_runs_and_begins_no_more(small: Path) -> None:
    stopping, begun = threading.Event(), []

    def interrupted(composed: Composed, overrides: tuple[str, ...]) -> None:
        begun.append(overrides)
        if len(begun) == 1:
            raise KeyboardInterrupt
        assert stopping.wait(10)

    with pytest.raises(KeyboardInterrupt):
        Sweep([f"seed={','.join(map(str, range(20)))}"], small).run(interrupted, parallel=2, stopping=stopping)
    assert len(begun) < 20
