"""`housing run experiment=walkthrough` once, then everything a user does after it, in one project folder."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import Answer, in_process

ENDPOINT = "housing-endpoint"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("walkthrough")
    yield folder
    in_process("destroy", folder=folder)


@pytest.fixture(scope="module")
def walked(folder: Path) -> Answer:
    answer = in_process("run", "experiment=walkthrough", folder=folder)
    assert answer.code == 0, answer.err
    return answer


@pytest.fixture(scope="module")
def client(walked: Answer, folder: Path) -> Any:
    from mlflow import MlflowClient

    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return MlflowClient(uri, uri)


@pytest.fixture(scope="module")
def runs(client: Any) -> list[Any]:
    experiment = client.get_experiment_by_name("housing")
    return list(client.search_runs([experiment.experiment_id]))


@pytest.fixture(scope="module")
def ames() -> list[dict[str, str]]:
    with (files("housing.data") / "ames.csv.gz").open("rb") as raw, gzip.open(raw, "rt") as text:
        return list(csv.DictReader(text))


def kind(runs: list[Any], name: str) -> list[Any]:
    return [run for run in runs if run.data.tags.get("housing.kind") == name]


def test_the_last_block_shows_published_and_own_figures_and_what_to_do_next(walked: Answer) -> None:
    for text in ("7,241.3", "20,050.7", "16,320.3", "published", "here", "over random splits", "final model, test"):
        assert text in walked.out
    for text in ("sqlite:///mlflow.db", "housing status", "housing lineage", "housing destroy"):
        assert text in walked.out


def test_all_jobs_stand_below_one_parent(runs: list[Any]) -> None:
    (parent,) = kind(runs, "run")
    (study,) = kind(runs, "study")
    trials = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == study.info.run_id]
    below = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(trials) == 9
    assert {run.data.tags["housing.kind"] for run in below} == {"job", "study", "final"}
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_trials_vary_eta_and_max_depth_alone(runs: list[Any]) -> None:
    trials = [run for run in runs if "housing.trial" in run.data.tags]
    differing = {name for name in trials[0].data.params if len({trial.data.params.get(name) for trial in trials}) > 1}
    assert differing == {"eta", "max_depth"}
    assert sorted(trial.data.tags["housing.rank"] for trial in trials) == [f"{rank:03d}" for rank in range(1, 10)]


def test_the_training_job_has_exactly_the_walkthrough_s_hyperparameters(runs: list[Any]) -> None:
    (baseline,) = kind([run for run in runs if run.info.run_name.startswith("baseline")], "job")
    expected = {
        "max_depth": "5",
        "eta": "0.5",
        "early_stopping_rounds": "5",
        "eval_metric": '["mae"]',
        "num_round": "20",
        "objective": "reg:squarederror",
    }
    assert {name: baseline.data.params[name] for name in expected} == expected


def test_a_run_holds_what_is_needed_to_explain_it(client: Any, runs: list[Any]) -> None:
    (baseline,) = [run for run in runs if run.info.run_name.startswith("baseline")]
    tags = baseline.data.tags
    for name in ("config_hash", "data_digest", "split_digest", "encoder_digest", "version", "xgboost_version"):
        assert tags[f"housing.{name}"]
    history = client.get_metric_history(baseline.info.run_id, "validation_mae")
    rounds = [point.step for point in history]
    assert set(rounds) == set(range(max(rounds) + 1))
    artifacts = {item.path for item in client.list_artifacts(baseline.info.run_id)}
    assert {"config.yaml", "encoder.json", "model.ubj"} <= artifacts
    assert {entry.dataset.name for entry in baseline.inputs.dataset_inputs} == {"housing"}
    assert {"best_round", "training_seconds"} <= set(baseline.data.metrics)


def test_the_test_part_is_scored_once_by_the_final_model(runs: list[Any]) -> None:
    scored = [run for run in runs if "test_mae" in run.data.metrics]
    assert [run.data.tags["housing.kind"] for run in scored if run.data.tags["housing.kind"] != "run"] == ["final"]


def test_the_registered_model_takes_raw_rows_and_answers_as_the_endpoint_does(
    client: Any, folder: Path, ames: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow
    import pandas as pd

    rows = [row for row in ames if row["KaggleId"] == "NA"][:40]
    features = [name for name in rows[0] if name not in ("SalePrice", "Order", "PID", "KaggleId")]
    file = folder / "rows.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, features, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    monkeypatch.chdir(folder)
    # Not mlflow.set_tracking_uri, which would be true of all tests to come.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    model = mlflow.pyfunc.load_model("models:/housing@champion")
    frame = pd.read_csv(file)
    dollars = list(model.predict(frame))
    answer = in_process("predict", "rows.csv", "deployment=single", "--json", folder=folder)
    (variant,) = {prediction["variant"] for prediction in answer.data["predictions"]}
    registered = {"champion": "models:/housing@champion", "baseline": "models:/housing@baseline"}[variant]
    served = [prediction["value"] for prediction in answer.data["predictions"]]
    assert served == pytest.approx(list(mlflow.pyfunc.load_model(registered).predict(frame)), rel=1e-9)
    errors = [abs(value - float(row["SalePrice"])) for value, row in zip(dollars, rows, strict=True)]
    assert sum(errors) / len(errors) < 30_000


def test_both_variants_are_served_with_their_weights(folder: Path, walked: Answer) -> None:
    (state,) = in_process("status", "--json", folder=folder).data["endpoints"]
    assert state["state"] == "InService"
    shares = {name: round(variant["share"], 6) for name, variant in state["variants"].items()}
    assert shares == {"baseline": 0.1, "champion": 0.9}


def test_plan_is_empty_and_deploy_changes_nothing_the_second_time(folder: Path, walked: Answer) -> None:
    plan = in_process("plan", "experiment=walkthrough", "--detailed-exitcode", "--json", folder=folder)
    assert plan.code == 0, plan.err
    assert plan.data["changes"] == []
    deploy = in_process("deploy", "experiment=walkthrough", "--json", folder=folder)
    assert deploy.data["changes"] == []


def test_a_changed_weight_is_one_line_and_pending(folder: Path, walked: Answer) -> None:
    override = "deployment.variants.baseline.weight=3"
    plan = in_process("plan", "experiment=walkthrough", override, "--detailed-exitcode", folder=folder)
    assert plan.code == 2
    assert "weight: 1 -> 3" in plan.out
    assert "0 to add, 1 to change, 0 to remove" in plan.out


def test_lineage_leads_from_the_endpoint_to_the_data(folder: Path, walked: Answer, runs: list[Any]) -> None:
    answer = in_process("lineage", ENDPOINT, folder=folder)
    assert answer.code == 0, answer.err + answer.out
    (final,) = kind(runs, "final")
    for text in ("champion", "models:/housing/", final.data.tags["housing.data_digest"][:12]):
        assert text in answer.out


def test_a_second_run_gives_the_same_figures_and_no_new_version(folder: Path, walked: Answer, client: Any) -> None:
    before = {version.version for version in client.search_model_versions("name='housing'")}
    again = in_process("run", "experiment=walkthrough", "--json", folder=folder)
    assert again.code == 0, again.err
    for value in again.data["figures"].values():
        assert f"{value:,.1f}" in walked.out
    assert {version.version for version in client.search_model_versions("name='housing'")} == before
