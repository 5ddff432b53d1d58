"""Rows that somebody has deleted in MLflow's own interface: what is left goes on, and what is missing is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import Answer, Housing

QUICK = ("algorithm.num_round=5",)


@pytest.fixture
def client(project: Path) -> Any:
    from housing.tracking.store import open_client

    return open_client(f"sqlite:///{project / 'mlflow.db'}")


@pytest.fixture
def trials(housing: Housing, client: Any, project: Path) -> list[Any]:
    """A baseline and two trials, best first; the study was deleted, and an outer row that repeats the best is there."""
    from housing.tracking.run_record import RunRecord
    from housing.tracking.runs import Runs

    assert housing("train", *QUICK).code == 0
    assert housing("tune", "study.trials=2", *QUICK).code == 0
    (experiment,) = [e for e in client.search_experiments() if e.name == "housing"]
    runs = client.search_runs([experiment.experiment_id])
    (study,) = [run for run in runs if run.data.tags["housing.kind"] == "study"]
    client.delete_run(study.info.run_id)
    record = Runs.open(f"sqlite:///{project / 'mlflow.db'}", "housing")
    jobs = sorted(
        (run for run in runs if run.data.tags["housing.kind"] == "job"),
        key=lambda run: run.data.metrics["validation_mae"],
    )
    for kind in ("run", "group", "monitoring"):
        tags = {name: text for name, text in jobs[0].data.tags.items() if name.endswith("split_digest")}
        described = RunRecord(f"{kind}-housing", kind=kind, tags=tags, params={"algorithm": "xgboost"})  # type: ignore[arg-type]
        outer = record.start(described)
        record.finish(outer, metrics={"validation_mae": 1.0})
    return jobs


def _promoted(answer: Answer) -> str:
    assert answer.code == 0, answer.err
    return answer.err


def test_only_jobs_compete(housing: Housing, trials: list[Any], client: Any) -> None:
    compared = housing("compare", "--json")
    assert compared.code == 0, compared.err
    assert [run["run_id"] for run in compared.data["runs"]] == [job.info.run_id for job in trials]

    told = _promoted(housing("promote", "gate.at_most=null", *QUICK))
    assert f"candidate  {trials[0].info.run_name}" in told

    client.delete_model_version("housing", "1")
    missing = housing("plan", *QUICK)
    assert missing.code == 1
    assert "housing has no versions (they were deleted); `housing promote` registers one" in missing.err
    assert "did you mean" not in missing.err


@pytest.mark.slow
def test_a_study_whose_trials_were_deleted_leaves_the_best_of_the_others(
    housing: Housing, client: Any, project: Path
) -> None:
    assert housing("train", *QUICK).code == 0
    study = housing("tune", "study.trials=2", "--json", *QUICK)
    for run in client.search_runs(["1"], f"tags.`mlflow.parentRunId` = '{study.data['run_id']}'"):
        client.delete_run(run.info.run_id)
    assert "candidate  train " in _promoted(housing("promote", *QUICK))


def test_a_deleted_candidate_is_refused_with_the_command_that_brings_it_back(
    housing: Housing, client: Any, project: Path
) -> None:
    run_id = housing("train", "--json", *QUICK).data["run_id"]
    client.delete_run(run_id)
    answer = housing("promote", f"candidate='{run_id}'", *QUICK)
    assert answer.code == 1
    assert f"mlflow runs restore --run-id {run_id}" in answer.err


def test_a_candidate_that_is_no_job_is_answered_with_its_best_job(housing: Housing, project: Path) -> None:
    study = housing("tune", "study.trials=2", "--json", *QUICK).data
    answer = housing("promote", f"candidate={study['name']}", *QUICK)
    assert answer.code == 1
    assert f"its best job is candidate={study['best']['run_id']}" in answer.err
