"""Commands that a last block suggests do what is said beside them."""

from __future__ import annotations

import shlex

import pytest

from housing.api.invocation import recomposed
from housing.config.load import load
from housing.workflow.next_commands import larger_study


@pytest.mark.parametrize("options", [["experiment=best"], ["experiment=portfolio"], ["algorithm=linear"]])
def test_a_larger_search_has_more_trials_whatever_the_experiment_says(options: list[str]) -> None:
    experiment, invocation = recomposed("run", options, None)
    _, _, *words = shlex.split(larger_study(experiment, invocation))
    assert load(words, search=True).study.trials == 4 * experiment.study.trials
