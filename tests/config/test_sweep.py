from __future__ import annotations

import threading
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

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
        (["algorithm.max_depth=range(3,3)"], "algorithm.max_depth=range(3,3)"),
        (["algorithm.eta=range(0.5,0.1,0.2)"], "give a step below 0: range(0.5,0.1,-0.2)"),
        (["algorithm.eta=range(0.1,0.5,-0.2)"], "give a step above 0: range(0.1,0.5,0.2)"),
        (["algorithm.eta=range(0.1,0.5,0)"], "a step that is not 0"),
        (["algorithm.num_round=range(1,100000000000)"], "100,000 jobs at most"),
        (["seed=range(0,1000)", "algorithm.max_depth=range(1,1001)"], "1,000,000 jobs"),
        (["features=glob(zz*)"], "available: auto, domain, domain_linear, domain_native, domain_trees, plain"),
        (["algorithm.max_depth=glob(*)"], "glob finds options of a group"),
        (["search_space=choice(walkthrough,narow)"], "did you mean narrow?"),
        (["algorithm={gamma: 1},{gama: 2}"], "did you mean algorithm.gamma?"),
        (["study.trials=[1"], "left open"),
        (["algorithm.eta=0.1,0.2", "sed=4"], "did you mean seed?"),
    ],
)
def test_every_value_is_checked_before_anything_runs(small: Path, overrides: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Sweep(overrides, small).first()
    assert told in str(raised.value)


def test_of_hundreds_of_wrong_values_the_first_few_are_told(small: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Sweep([f"study.trials={','.join(f'a{n}' for n in range(700))}"], small).first()
    assert str(caught.value).count("study.trials") == 5


def test_a_value_that_stands_there_a_thousand_times_is_checked_once(small: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Sweep([f"study.trials={'a,' * 1500}a"], small).first()
    assert str(caught.value).count("study.trials") == 1


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ("algorithm.eta=range(0.1,0.5,0.2)", ["0.1", "0.3"]),
        ("algorithm.eta=range(0.7,0,-0.3)", ["0.7", "0.4", "0.1"]),
        ("algorithm.eta=range(0.0,1,0.1)", [str(tenth / 10) for tenth in range(10)]),
        ("algorithm.max_depth=sort(range(3,6),reverse=true)", ["5", "4", "3"]),
        ("features=glob(p*)", ["plain"]),
        ("features=choice(plain,domain)", ["plain", "domain"]),
        ("features=sort(plain,domain)", ["domain", "plain"]),
        ("study.name=1e5,2024", ['"1e5"', '"2024"']),
    ],
)
def test_what_a_sweep_stands_for(small: Path, override: str, values: list[str]) -> None:
    def typed(composed: Composed, overrides: tuple[str, ...]) -> str:
        return overrides[0].partition("=")[2]

    assert Sweep([override], small).run(typed) == values


def test_a_shuffled_range_has_every_value_once(small: Path) -> None:
    def eta(composed: Composed, overrides: tuple[str, ...]) -> float:
        value: float = check(composed).algorithm.hyperparameters["eta"]
        return value

    assert sorted(Sweep(["algorithm.eta=shuffle(range(0.1,0.9,0.1))"], small).run(eta)) == [n / 10 for n in range(1, 9)]


def test_the_configuration_of_every_job_can_be_shown(small: Path) -> None:
    shown = list(yaml.safe_load_all(Sweep(["algorithm.eta=0.1,0.3", "seed=4"], small).shown()))
    assert [(each["algorithm"]["eta"], each["seed"]) for each in shown] == [(0.1, 4), (0.3, 4)]
    with pytest.raises(ConfigError, match=r"algorithm.eta = 7"):
        Sweep(["algorithm.eta=0.1,7"], small).shown()


def test_the_first_job_speaks_for_the_sweep(small: Path) -> None:
    first = check(Sweep(["algorithm.eta=0.1,0.3", "algorithm.gamma=1"], small).first())
    assert first.algorithm.hyperparameters["eta"] == 0.1


@pytest.mark.parametrize(
    "overrides",
    [
        ["features=plain,domain", "algorithm.eta=0.1,0.3", "search_space=narrow"],
        ["algorithm.eta=0.1,0.3", "~search_space.max_depth"],
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
        assert stopping.wait(300)

    with pytest.raises(KeyboardInterrupt):
        Sweep([f"seed={','.join(map(str, range(20)))}"], small).run(interrupted, parallel=2, stopping=stopping)
    assert len(begun) < 20
