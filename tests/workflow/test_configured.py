"""What a study finds is never worse than what the configuration had before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from housing.tracking.reader import Run
from housing.tracking.runs import Runs
from tests.workflow.conftest import Housing

PENGUINS = ("dataset=penguins", "algorithm.num_round=15")
HOPELESS = ("algorithm.eta=choice(0.0001,0.0002)", "~search_space.max_depth", "study=random", "study.trials=2")


def runs_of(project: Path, kind: str) -> list[Run]:
    """Trials in the order of their numbers."""
    runs = Runs.open(f"sqlite:///{project}/mlflow.db", "penguins")
    found = runs.client.search_runs([runs.experiment_id], f"tags.`housing.kind` = '{kind}'")
    return sorted((runs.get(run.info.run_id) for run in found), key=lambda run: run.tags.get("housing.trial", ""))


def test_the_first_trial_is_the_configured_point_even_out_of_range(housing: Housing, project: Path) -> None:
    tuned = housing("tune", *PENGUINS, *HOPELESS)
    assert tuned.code == 0, tuned.err
    first, other = (run for run in runs_of(project, "job") if "housing.trial" in run.tags)
    assert (first.params["eta"], first.tags["housing.trial"], first.tags["housing.rank"]) == ("0.5", "00000", "001")
    assert other.params["eta"] in ("0.0001", "0.0002")
    assert "the configured point" in tuned.out
    assert "(t00)" in tuned.out
    (line,) = (line for line in tuned.out.splitlines() if "ignores every column" in line)
    assert "naive" in line


def test_a_whole_run_does_not_train_the_configured_point_twice(housing: Housing, project: Path) -> None:
    ran = housing("run", *PENGUINS, *HOPELESS, "--json")
    assert ran.code == 0, ran.err
    (baseline,) = (run for run in runs_of(project, "job") if "housing.trial" not in run.tags)
    first, _ = (run for run in runs_of(project, "job") if "housing.trial" in run.tags)
    assert first.tags["housing.reused_from"] == baseline.id
    assert first.metrics["validation_log_loss"] == baseline.metrics["validation_log_loss"]
    (final,) = runs_of(project, "final")
    assert final.tags["housing.source_run"] == first.id


def test_where_the_study_leaves_the_configured_point_out_the_first_job_competes(
    housing: Housing, project: Path
) -> None:
    ran = housing("run", *PENGUINS, *HOPELESS, "study.configured_first=false", "--json")
    assert ran.code == 0, ran.err
    (baseline,) = (run for run in runs_of(project, "job") if "housing.trial" not in run.tags)
    (final,) = runs_of(project, "final")
    assert final.tags["housing.source_run"] == baseline.id


@pytest.mark.slow
def test_a_choice_of_features_begins_with_the_configured_one(housing: Housing, project: Path) -> None:
    choice = ("features=choice(domain,plain)", "~search_space.max_depth", "study=random", "study.trials=1")
    tuned = housing("tune", *choice, "algorithm.num_round=5", "--json")
    assert tuned.code == 0, tuned.err
    assert tuned.data["best"]["features"] == "plain"
    assert tuned.data["best"]["eta"] == 0.5


def test_a_model_that_is_no_better_than_the_naive_predictor_is_refused(housing: Housing) -> None:
    job = housing("train", "dataset=penguins", "algorithm.num_round=1", "algorithm.eta=0", "--json")
    refused = housing("promote", "dataset=penguins", f"candidate={job.data['run_id']}")
    assert refused.code == 4
    assert "better than that of the naive predictor" in refused.err
    assert "the naive predictor has 1.04" in refused.err
    assert housing("promote", "dataset=penguins", f"candidate={job.data['run_id']}", "gate.beats=null").code == 0
