"""A training script of the user's, from the first job to the endpoint, beside XGBoost in one record."""

from __future__ import annotations

import gzip
import os
import signal
import time
from pathlib import Path

import mlflow
import pandas
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from housing.testing import scripts
from tests.workflow.conftest import Housing
from tests.workflow.processes import start

BOTH = ("xgboost", "sklearn")
DATA = Path(__file__).parents[2] / "housing" / "data" / "ames.csv.gz"
SCRIPT = Path(scripts.__file__).parent / "linear"
ALGORITHM = f"""\
defaults: [script]
name: lines
script: {{source_dir: {SCRIPT}, rounds: rounds}}
hyperparameters:
  rounds: {{kind: int, low: 1, default: 5}}
  rate: {{kind: float, low: 0, high: 1, default: 0.0001}}
  seed: {{kind: int, tunable: false}}
  pause_s: {{kind: float, low: 0}}
  every: {{kind: int, low: 1}}
  fault: {{kind: text, choices: [crash, no model]}}
"""


@pytest.fixture
def mine(project: Path) -> list[str]:
    """Flags of a command about the algorithm in this folder's own conf/."""
    (project / "conf" / "algorithm").mkdir(parents=True)
    (project / "conf" / "algorithm" / "lines.yaml").write_text(ALGORITHM)
    return ["--config-dir", "conf", "algorithm=lines"]


@pytest.mark.slow
def test_the_example_is_tuned_promoted_and_served_beside_xgboost(project: Path, housing: Housing) -> None:
    assert housing("train", "-m", "algorithm=xgboost,sklearn", "--json").code == 0
    study = housing("tune", "algorithm=sklearn", "study.trials=3", "--json")
    assert study.code == 0, study.err
    assert set(study.data["best"]) >= {"alpha", "log_label", "validation_mae"}
    # The one algorithm's promotion does not take the other's job, whichever came last or was better.
    by_xgboost = housing("promote", "gate.at_most=null", "gate.beats=null", "--json")
    assert set(by_xgboost.data["hyperparameters"]) >= {"eta", "num_round"}
    by_script = housing("promote", "algorithm=sklearn", "gate=default", "gate.against_champion=nothing", "--json")
    assert by_script.code == 0, by_script.err
    assert (by_script.data["version"], set(by_script.data["hyperparameters"])) == (2, {"alpha", "log_label"})

    jobs = [next(run.info.run_id for run in _jobs(project) if run.data.params["algorithm"] == name) for name in BOTH]
    compared = housing("compare", *jobs, "--json")
    assert compared.code == 0, compared.err
    assert '"algorithm"' in compared.out

    rows = gzip.decompress(DATA.read_bytes()).decode().splitlines()[:4]
    (project / "rows.csv").write_text("\n".join(rows) + "\n")
    assert housing("deploy", "algorithm=sklearn").code == 0
    answers = housing("predict", "rows.csv", "--json")
    assert answers.code == 0, answers.err
    served = [row["value"] for row in answers.data["predictions"]]
    champion = _client(project).get_model_version_by_alias("housing", "champion")
    registered = mlflow.pyfunc.load_model(champion.source).predict(pandas.read_csv("rows.csv"))
    assert served == pytest.approx(registered.tolist(), rel=1e-9)


def test_a_job_s_run_says_which_script_trained_it(project: Path, housing: Housing, mine: list[str]) -> None:
    trained = housing("train", *mine, "--json")
    assert trained.code == 0, trained.err
    run = _client(project).get_run(trained.data["run_id"])
    assert (run.data.params["algorithm"], run.data.params["rate"]) == ("lines", "0.0001")
    assert len(run.data.tags["housing.script_digest"]) == 64
    assert trained.data["rounds_kept"] == 5
    assert "metrics printed 5 times" in trained.err


PRINTED = "{{validation_mae: 'validation-mae: (\\S+)', validation_{0}: 'validation-{0}: (\\S+)'}}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "declared"), [("r2", ()), ("profit", ("+algorithm.script.directions.validation_profit=maximize",))]
)
def test_any_metric_that_a_script_prints_may_be_the_objective(
    housing: Housing, mine: list[str], metric: str, declared: tuple[str, ...]
) -> None:
    shown = (f"algorithm.script.metrics={PRINTED.format(metric)}", f"study.objective=validation_{metric}")
    rates = ("algorithm.rate=choice(0.00001,0.0001)", "study=grid", "study.trials=2")
    study = housing("tune", *mine, *shown, *declared, *rates, "--json")
    assert study.code == 0, study.err
    compared = housing("compare", *mine, *shown, *declared, "--json")
    assert compared.code == 0, compared.err
    values = compared.data["differing"]["metrics"][f"validation_{metric}"]
    assert study.data["best"][f"validation_{metric}"] == max(values) == values[0]
    assert " USD" not in study.err.split(f"validation_{metric}")[1].splitlines()[0]


AUC = "{validation_auc: 'validation-auc: (\\S+)'}"
CLASSIFIER = """\
import json, os, pathlib
import numpy as np

def rows(channel):
    file = next(pathlib.Path(os.environ["SM_CHANNEL_" + channel.upper()]).glob("*.csv"))
    table = np.genfromtxt(file, delimiter=",")
    return np.nan_to_num(table[:, 1:]), table[:, 0]

def model_fn(model_dir):
    return np.array(json.loads(pathlib.Path(model_dir, "model.json").read_text()))

def predict_fn(features, model):
    return 1 / (1 + np.exp(-np.nan_to_num(features) @ model))

if __name__ == "__main__":
    features, label = rows("train")
    model = np.zeros(features.shape[1])
    for number in range(20):
        model += features.T @ (label - predict_fn(features, model)) / len(label)
        if number % 5 == 4 and "SM_CHANNEL_VALIDATION" in os.environ:
            x, y = rows("validation")
            chance = predict_fn(x, model)
            auc = (chance[y == 1][:, None] > chance[y == 0]).mean()
            print(f"validation-auc: {auc:.6f}", flush=True)
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps(model.tolist()))
"""


def test_a_classifier_s_printed_metric_is_an_objective_and_the_gate_s(project: Path, housing: Housing) -> None:
    (project / "src").mkdir()
    (project / "src" / "train.py").write_text(CLASSIFIER)
    (project / "conf" / "algorithm").mkdir(parents=True)
    (project / "conf" / "algorithm" / "logistic.yaml").write_text(
        f"defaults: [script]\nname: logistic\nscript: {{source_dir: src, metrics: {AUC}}}\nhyperparameters: {{}}\n"
    )
    table = [(n % 11 - 5, n % 4 - 2, "late" if n % 11 + 3 * (n % 4) > 9 + n % 3 else "in time") for n in range(400)]
    pandas.DataFrame(table, columns=["a", "b", "came"]).to_csv("trains.csv", index=False)
    (project / "conf" / "dataset").mkdir()
    described = housing("describe", "trains.csv", "--label", "came").out
    (project / "conf" / "dataset" / "trains.yaml").write_text(described)
    mine = ["--config-dir", "conf", "dataset=trains", "algorithm=logistic", "study.objective=validation_auc"]
    trained = housing("train", *mine, "--json")
    assert trained.code == 0, trained.err
    assert trained.data["metrics"]["validation_auc"] > 0.8
    refused = housing("promote", *mine, "gate.metric=auc", "gate.at_least=0.9999")
    assert refused.code == 4, refused.err
    passed = housing("promote", *mine, "gate.metric=auc", "gate.at_least=0.8", "--json")
    assert passed.code == 0, passed.err
    # What the script prints, and what the gate computes from its model's answers, is one metric of like rows.
    assert passed.data["metrics"]["test_auc"] == pytest.approx(trained.data["metrics"]["validation_auc"], abs=0.1)


def test_a_metric_of_unknown_direction_asks_for_it(housing: Housing, mine: list[str]) -> None:
    answer = housing(
        "train", *mine, f"algorithm.script.metrics={PRINTED.format('profit')}", "study.objective=validation_profit"
    )
    assert answer.code == 3
    assert "set algorithm.script.directions.validation_profit to minimize or maximize" in answer.err


@pytest.mark.slow
@pytest.mark.parametrize(("every", "told"), [(1, False), (5, True)])
def test_a_final_fit_trains_for_as_many_rounds_as_the_job_however_few_it_printed(
    housing: Housing, mine: list[str], every: int, told: bool
) -> None:
    assert housing("train", *mine, "algorithm.rounds=10", f"+algorithm.every={every}").code == 0
    final = housing("promote", *mine, "gate.at_most=null", "gate.beats=null", "--json")
    assert final.code == 0, final.err
    assert final.data["hyperparameters"]["rounds"] == 10
    assert ("the final fit keeps rounds=10" in final.err) is told
    assert f"metrics printed {10 // every} times" in final.err


@pytest.mark.slow
def test_hopeless_trials_of_a_script_are_stopped(project: Path, housing: Housing, mine: list[str]) -> None:
    space = ["algorithm.rate=choice(0.0001,0.0000001)", "algorithm.pause_s=0.05", "algorithm.rounds=40"]
    pruned = ["study=median", "study.sampler=grid", "study.trials=2", "study.parallel=1", "study.startup_trials=1"]
    pruned += ["study.configured_first=false"]
    search = housing("tune", *mine, *space, *pruned, "study.prune_after=0", "study.prune_every=1", "seed=1", "--json")
    assert search.code == 0, search.err
    assert sorted(run.info.status for run in _jobs(project)) == ["FINISHED", "KILLED"]


def test_what_a_script_says_last_is_told_and_recorded(project: Path, housing: Housing, mine: list[str]) -> None:
    failed = housing("train", *mine, "algorithm.fault=crash")
    assert failed.code == 1
    assert "train.py failed with exit code 1" in failed.err
    assert "ArithmeticError: the loss is not finite" in failed.err
    search = housing("tune", *mine, "algorithm.rate=interval(0,1)", "algorithm.fault=crash", "study.trials=2")
    assert search.code == 1
    assert all("ArithmeticError" in run.data.tags["housing.reason"] for run in _jobs(project))


def test_ctrl_c_ends_a_script_that_would_run_for_minutes(project: Path, mine: list[str]) -> None:
    began = project / "began"
    fields = (project / "conf" / "algorithm" / "lines.yaml").read_text()
    folder = project / "endless"
    folder.mkdir()
    (folder / "train.py").write_text(f"import time; open({str(began)!r}, 'w').close(); time.sleep(300)")
    (project / "conf" / "algorithm" / "lines.yaml").write_text(fields.replace(str(SCRIPT), str(folder)))
    command = start("train", *mine, folder=project)
    while not began.exists():
        time.sleep(0.05)
    os.kill(command.pid or 0, signal.SIGINT)
    command.join(300)
    assert command.exitcode == 130


def test_a_study_without_a_space_says_how_to_name_one(housing: Housing, mine: list[str]) -> None:
    refused = housing("tune", *mine)
    assert refused.code == 3
    assert "nothing to search; write a file search_space/<algorithm>/quick.yaml" in refused.err


def test_a_run_of_another_algorithm_is_not_promoted_by_mistake(housing: Housing, mine: list[str]) -> None:
    trained = housing("train", "algorithm.num_round=3", "--json").data["run_id"]
    refused = housing("promote", *mine, f"candidate={trained}")
    assert refused.code == 3
    assert "was trained by xgboost, and this configuration has lines" in refused.err


def _client(project: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{project}/mlflow.db")


def _jobs(project: Path) -> list[Run]:
    client = _client(project)
    found = client.search_runs([e.experiment_id for e in client.search_experiments()], "tags.`housing.kind` = 'job'")
    return list(found)
