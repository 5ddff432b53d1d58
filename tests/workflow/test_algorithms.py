"""One study among several algorithms: one leaderboard, and the winner is promoted and served."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from housing.tracking.runs import Runs
from tests.workflow.conftest import Housing

WORDS = (
    *("dataset=penguins", "algorithm.num_round=3", "search_space=algorithms", "study=random"),
    *("search_space.algorithm.choices=[xgboost,linear,forest]", "study.parallel=1"),
)


@pytest.mark.slow
def test_a_study_among_algorithms_tries_each_at_its_own_point_and_the_best_is_promoted(
    housing: Housing, project: Path
) -> None:
    tuned = housing("tune", *WORDS, "study.trials=4")
    assert tuned.code == 0, tuned.err
    assert "xgboost, linear, forest" in tuned.err
    runs = Runs.open(f"sqlite:///{project}/mlflow.db", "penguins")
    (study,) = runs.studies({})
    trials = sorted(runs.children(study.id), key=lambda run: run.tags["housing.trial"])
    assert [trial.params["algorithm"] for trial in trials[:3]] == ["xgboost", "linear", "forest"]
    assert "alpha" not in trials[1].params  # left out in its file: the fit chooses it
    assert "eta" not in trials[1].params
    best = min(trials, key=lambda run: run.metrics["validation_log_loss"])
    assert best.params["algorithm"] == "linear"

    # The study is found and its winner fitted by a command that knows of one algorithm.
    promoted = housing("promote", "dataset=penguins", "--json")
    assert promoted.code == 0, promoted.err
    final = runs.get(f"final from {best.name}")
    assert final.params["algorithm"] == "linear"
    assert json.loads(final.tags["housing.choices"]) == {"algorithm": "linear"}
    assert "num_round" not in promoted.data["hyperparameters"]

    # It goes on among the same algorithms.
    again = housing("tune", f"study.resume={study.name}", "study.trials=5", "--json")
    assert again.code == 0, again.err
    assert again.data["trials"] == 5
