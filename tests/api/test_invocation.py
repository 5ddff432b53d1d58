from __future__ import annotations

import pytest

from housing.api.invocation import invocation_of
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
