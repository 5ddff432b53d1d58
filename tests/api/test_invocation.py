from __future__ import annotations

from pathlib import Path

import pytest

from housing.api.invocation import invocation_of, with_own_defaults
from housing.config.load import check, compose
from housing.workflow.outcome import Invocation


@pytest.mark.parametrize(
    ("overrides", "words", "printed"),
    [
        (["dataset=ames", "seed=3"], ["tune"], "housing tune dataset=ames seed=3"),
        (["algorithm.eta=0.1", "study.trials=3"], ["tune"], "housing tune"),
        (["algorithm.eta=interval(0.1,0.3)", "features=choice(plain,domain)"], ["promote"], "housing promote"),
        (["features=domain"], ["promote"], "housing promote features=domain"),
        (["target=rehearsal"], ["tune", "target=local"], "housing tune target=local"),
        (["study=tpe", "tracking.model=my model"], ["ui"], "housing ui study=tpe 'tracking.model=my model'"),
        (["~features.derived"], ["tune"], "housing tune '~features.derived'"),
        (
            ["deployment=canary", "deployment.endpoint=mine", "deployment.variants.champion.weight=2"],
            ["plan", "deployment=ab_test"],
            "housing plan deployment=ab_test deployment.endpoint=mine",
        ),
        (
            ["study.objective=validation_rmse", "algorithm.eval_metric=[mae,rmse]"],
            ["promote"],
            "housing promote study.objective=validation_rmse 'algorithm.eval_metric=[mae,rmse]'",
        ),
    ],
)
def test_a_command_that_follows_repeats_what_it_needs(overrides: list[str], words: list[str], printed: str) -> None:
    assert _told(overrides).next(*words) == printed


def _told(overrides: list[str]) -> Invocation:
    composed = compose(overrides, search=True)
    return invocation_of("tune", overrides, composed=composed, experiment=check(composed))


@pytest.mark.parametrize(
    "overrides",
    [(), ("dataset=mine",), ("target=rehearsal", "seed=1"), ("study.trials=9", "features.ordinal=rank")],
)
def test_a_whole_run_compares_algorithms_where_nothing_chooses_one(overrides: tuple[str, ...]) -> None:
    assert with_own_defaults("run", overrides, None) == ("search_space=algorithms", *overrides)
    assert with_own_defaults("tune", overrides, None) == overrides


@pytest.mark.parametrize(
    "override",
    [
        *(
            "experiment=walkthrough",
            "algorithm=lightgbm",
            "algorithm.eta=0.1",
            "hyperparameters=best",
            "search_space=wide",
        ),
        *("~search_space.eta", "search_space.eta.low=0.1", "study=amt", "study.engine=amt", "study.resume=mine"),
        *("hyperparameters@algorithm=best", "features=choice(plain,domain)"),
    ],
)
def test_a_chosen_algorithm_or_search_is_left_alone(override: str) -> None:
    assert with_own_defaults("run", ("dataset=mine", override), None) == ("dataset=mine", override)


def test_a_search_of_the_user_s_own_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "dataset").mkdir()
    assert with_own_defaults("run", (), tmp_path) == ("search_space=algorithms",)
    (tmp_path / "search_space").mkdir()
    assert with_own_defaults("run", (), tmp_path) == ()
