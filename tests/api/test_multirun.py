"""`-m` with real training, under one parent run."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from housing.api.multirun import _Job
from housing.api.reporters import LogReporter

DATASET = """\
name: mine
source: {source}
label: price
columns:
  price: {{kind: numeric, low: 1}}
  area: {{kind: numeric, low: 0}}
  zone: {{kind: nominal}}
split:
  fractions: {{train: 0.6, validation: 0.2, test: 0.2}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two datasets: one whose file exists, and one whose file is gone."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "conf" / "dataset").mkdir(parents=True)
    for name, source in (("mine", "mine.csv"), ("gone", "gone.csv")):
        (tmp_path / "conf" / "dataset" / f"{name}.yaml").write_text(DATASET.format(source=source))
    chance = random.Random(0)
    rows = [(area, chance.choice("ab")) for area in range(50, 150)]
    lines = ["price,area,zone", *(f"{1000 * area + (5000 if zone == 'a' else 0)},{area},{zone}" for area, zone in rows)]
    (tmp_path / "mine.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.slow
def test_jobs_share_a_parent_and_a_failing_one_stops_no_other(project: Path) -> None:
    command = ["train", "-m", "--config-dir", "conf", "dataset=gone,mine", "algorithm.eta=0.1,0.5", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "housing", *command], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    left = {path.name.partition("-")[0] for path in project.iterdir()}
    assert left <= {"conf", "mine.csv", "mlflow.db", "mlruns", ".housing"}
    outcome = json.loads(done.stdout)
    failures = {tuple(job["overrides"]): job["failure"] for job in outcome["jobs"]}
    assert len(failures) == 4
    assert failures["dataset=mine", "algorithm.eta=0.1"] is None
    assert {key: failure is None for key, failure in failures.items()} == {
        ("dataset=gone", "algorithm.eta=0.1"): False,
        ("dataset=gone", "algorithm.eta=0.5"): False,
        ("dataset=mine", "algorithm.eta=0.1"): True,
        ("dataset=mine", "algorithm.eta=0.5"): True,
    }
    assert "gone.csv" in str(failures["dataset=gone", "algorithm.eta=0.1"])

    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project}/mlflow.db")
    parent = client.get_run(outcome["run_id"])
    assert parent.info.status == "FAILED"
    children = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert {run.data.params["eta"] for run in children if run.info.status == "FINISHED"} == {"0.1", "0.5"}


def test_a_job_can_be_sent_to_another_process() -> None:
    job = _Job("train", "0123", LogReporter)
    assert pickle.loads(pickle.dumps(job)) == job
