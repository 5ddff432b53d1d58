"""`housing train -m` as a user types it: what stands in the record, and what is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from housing.shell import setting
from housing.tracking.runs import Runs
from housing.tracking.study_lock import study_lock
from tests.workflow.conftest import Housing, in_process
from tests.workflow.rehearsed import statuses, until


def _client(project: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{project}/mlflow.db")


def _runs(project: Path) -> tuple[Any, list[Any]]:
    """The parent of the one multirun in the record, and its children."""
    client = _client(project)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    (parent,) = client.search_runs(experiments, "tags.`housing.kind` = 'group'")
    children = client.search_runs(experiments, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return parent, sorted(children, key=lambda run: run.data.tags.get("housing.rank", "-"))


def test_jobs_are_ranked_under_one_parent(housing: Housing, project: Path) -> None:
    answer = housing("train", "-m", "algorithm.eta=0.1,0.3,0.5", "algorithm.max_depth=3,5", "parallel=3")
    assert answer.code == 0, answer.err
    assert answer.err.count("rows;") == 1, "the data are read once for all jobs"
    parent, children = _runs(project)
    assert parent.info.status == "FINISHED"
    assert [child.data.tags["housing.rank"] for child in children] == [f"{place:03d}" for place in range(1, 7)]
    maes = [child.data.metrics["validation_mae"] for child in children]
    assert maes == sorted(maes)
    assert parent.data.metrics["validation_mae"] == maes[0]
    points = {(child.data.params["eta"], child.data.params["max_depth"]) for child in children}
    assert points == {(eta, depth) for eta in ("0.1", "0.3", "0.5") for depth in ("3", "5")}
    ranked = [line.split() for line in answer.out.splitlines() if "algorithm.eta=" in line and " train " in line]
    assert [line[0] for line in ranked] == [str(place) for place in range(1, 7)]
    assert setting("candidate", children[0].info.run_id[:8]) in answer.out
    assert "recorded  MLflow experiment" in answer.out
    note = parent.data.tags["mlflow.note.content"]
    assert note.startswith("6 runs below this one, 6 of them finished.")
    assert note.index(children[0].info.run_name) < note.index(children[1].info.run_name)
    page = _client(project).download_artifacts(parent.info.run_id, "report.html")
    assert all(child.info.run_id[:8] in Path(page).read_text(encoding="utf-8") for child in children)


@pytest.mark.slow
def test_jobs_give_the_same_beside_each_other_as_alone(housing: Housing) -> None:
    def maes(parallel: int) -> list[float]:
        answer = housing("train", "-m", "--json", "features=plain,domain", "seed=1,2", f"parallel={parallel}")
        return [job["metrics"]["validation_mae"] for job in answer.data["jobs"]]

    alone = maes(1)
    assert len(set(alone)) > 1
    assert maes(4) == alone


def test_jobs_on_different_datasets_are_nested_in_one_experiment(housing: Housing, project: Path) -> None:
    answer = housing("train", "-m", "--json", "name=first,second")
    assert answer.code == 0, answer.err
    parent, children = _runs(project)
    assert {child.info.experiment_id for child in children} == {parent.info.experiment_id}


def test_a_failing_job_is_listed_and_stops_no_other(housing: Housing, project: Path) -> None:
    answer = housing("train", "-m", "algorithm.objective='reg:gamma'", "algorithm.base_score=100,-1,200000", "--json")
    assert answer.code == 1
    first, failed, last = answer.data["jobs"]
    assert first["failure"] is None and last["failure"] is None
    assert "base_score" in failed["failure"]
    parent, children = _runs(project)
    assert parent.info.status == "FAILED"
    assert "algorithm.objective='reg:gamma' algorithm.base_score=-1: " in parent.data.tags["housing.failures"]
    assert [child.info.status for child in children] == ["FINISHED", "FINISHED"]


@pytest.mark.slow
def test_an_interrupted_multirun_goes_on_and_a_finished_one_does_not(housing: Housing, project: Path) -> None:
    words = ("train", "-m", "dataset=penguins", "algorithm.num_round=5", "algorithm.eta=0.1,0.3", "--json")
    first = housing(*words).data
    client, (kept, lost) = _client(project), [job["run_id"] for job in first["jobs"]]
    client.set_terminated(lost, "KILLED")
    client.set_terminated(first["run_id"], "KILLED")  # as Ctrl-C leaves them

    with study_lock(Runs.open(f"sqlite:///{project}/mlflow.db", "penguins"), first["run_id"], "held"):
        assert housing(*words).data["run_id"] != first["run_id"], "somebody else is at work at it"
    for run in _groups(client)[1:]:
        client.delete_run(run)

    answer = housing(*words)
    assert answer.code == 0, answer.err
    assert "has 1 of its jobs, which are not trained again" in answer.err
    assert answer.data["run_id"] == first["run_id"]
    one, other = answer.data["jobs"]
    assert (one["run_id"], one.get("done_before")) == (kept, True)
    assert (other["run_id"] == lost, other.get("done_before")) == (False, None)
    assert [job["metrics"] for job in answer.data["jobs"]] == [job["metrics"] for job in first["jobs"]]
    assert client.get_run(first["run_id"]).info.status == "FINISHED"
    assert housing(*words).data["run_id"] != first["run_id"], "it has finished: this is another one"


def _groups(client: Any) -> list[str]:
    """The multiruns of the record, oldest first."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments, "tags.`housing.kind` = 'group'", order_by=["attributes.start_time ASC"])
    return [run.info.run_id for run in found]


def test_a_wrong_number_of_jobs_at_once_is_refused(housing: Housing, project: Path) -> None:
    answer = housing("train", "-m", "seed=1,2", "parallel=0")
    assert answer.code == 3
    assert "parallel = 0" in answer.err and "1 or more" in answer.err
    assert not (project / "mlflow.db").exists()


@pytest.mark.slow
def test_ctrl_c_ends_the_jobs_and_their_parent(project: Path) -> None:
    in_process("train", folder=project)
    command = ["train", "-m", "algorithm.num_round=1000000", "~algorithm.early_stopping_rounds", "seed=range(8)"]
    process = subprocess.Popen(
        [sys.executable, "-m", "housing", *command], cwd=project, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stderr is not None
    assert "rows;" in process.stderr.readline()
    until(lambda: statuses(project / "mlflow.db").get("RUNNING") == 1)  # the parent; jobs are recorded when they end
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130, told
    assert told.endswith("housing: interrupted\n")
    parent, children = _runs(project)
    assert parent.info.status == "KILLED"
    assert len(children) == 2
    assert {child.info.status for child in children} == {"KILLED"}
